"""`init`, `validate`, `schema`, `facts`: the profile of one system."""

import argparse
from pathlib import Path
from typing import Any

from steelyard.base.errors import EXIT_DONE, EXIT_INPUT, InputError, SteelyardError
from steelyard.base.i18n import Lang, Text
from steelyard.cli.common import report, say, say_json, write_new

SCHEMAS = ("profile", "policy", "mapping")


def register(commands: Any, common: argparse.ArgumentParser, lang: Lang) -> None:
    """Adds the parsers of this group."""
    init = commands.add_parser("init", parents=[common], help=Text("write a profile", "生成档案").get(lang))
    init.add_argument("file", nargs="?", default="steelyard.yaml")
    init.add_argument("--all", action="store_true", help=Text("list every fact", "列出全部事实").get(lang))
    init.set_defaults(run=run_init)

    validate = commands.add_parser("validate", parents=[common], help=Text("check profiles", "检查档案").get(lang))
    validate.add_argument("files", nargs="+", metavar="FILE")
    validate.add_argument("--policy", metavar="FILE")
    validate.set_defaults(run=run_validate)

    schema = commands.add_parser(
        "schema", parents=[common], help=Text("print a JSON Schema", "输出 JSON Schema").get(lang)
    )
    schema.add_argument("name", choices=SCHEMAS)
    schema.set_defaults(run=run_schema)

    facts = commands.add_parser("facts", parents=[common], help=Text("list the facts", "列出事实").get(lang))
    facts.add_argument("ids", nargs="*", metavar="ID")
    facts.add_argument("--policy", metavar="FILE", help=Text("with the facts it adds", "含策略新增的事实").get(lang))
    facts.set_defaults(run=run_facts)


def run_init(options: argparse.Namespace) -> int:
    """Writes a profile to start from; never over an existing file."""
    from steelyard.profile.facts import vocabulary
    from steelyard.profile.template import template

    path = Path(options.file)
    text = template(vocabulary(), options.lang, every=options.all)
    write_new(path, text)
    if options.json:
        say_json({"path": str(path)})
    else:
        say(
            Text(
                f"wrote {path}. Answer what you know, leave the rest empty, then: steelyard assess {path}",
                f"已生成 {path}。填写已知答案，其余留空，然后运行：steelyard assess {path}",
            ).get(options.lang)
        )
    return EXIT_DONE


def run_validate(options: argparse.Namespace) -> int:
    """Checks profiles and tells every problem of each."""
    from steelyard.base.yamldoc import load
    from steelyard.policy.compile import load_compiled
    from steelyard.profile.document import check
    from steelyard.profile.facts import vocabulary

    words = load_compiled(options.policy).vocabulary if options.policy else vocabulary()
    code = EXIT_DONE
    for path in options.files:
        try:
            profile, problems = check(load(path), words)
        except SteelyardError as error:
            code = max(code, report(error, options))
            continue
        for problem in problems:
            report(problem, options)
        if problems:
            code = EXIT_INPUT
        elif options.json:
            say_json({"path": path, "system": profile.id, "facts": len(profile.facts)})
        else:
            known, total = len(profile.facts), len(words.items)
            say(
                Text(
                    f"{path}: valid, {known} of {total} facts answered", f"{path}：有效，已回答 {known}/{total} 项事实"
                ).get(options.lang)
            )
    return code


def run_schema(options: argparse.Namespace) -> int:
    """Prints a JSON Schema, indented."""
    import json

    from steelyard.intake.schemas import schema

    say(json.dumps(schema(options.name), ensure_ascii=False, indent=2))
    return EXIT_DONE


def run_facts(options: argparse.Namespace) -> int:
    """Lists facts with their questions, or explains single ones."""
    from steelyard.base.tables import table, wrap
    from steelyard.base.yamldoc import near
    from steelyard.policy.compile import load_compiled
    from steelyard.profile.facts import vocabulary

    words, lang = load_compiled(options.policy).vocabulary if options.policy else vocabulary(), options.lang
    for name in options.ids:
        if name not in words:
            raise InputError(
                "unknown_fact", Text(f"there is no fact {name}", f"没有事实 {name}"), remedy=near(name, words.ids)
            )
    chosen = [words[name] for name in options.ids] or list(words.items)
    if options.json:
        import msgspec

        for fact in chosen:
            say_json(msgspec.to_builtins(fact))
        return EXIT_DONE
    if not options.ids:
        rows = [(fact.id, fact.type, " ".join(fact.members) or "-", fact.question.get(lang)) for fact in chosen]
        head = [Text(*pair).get(lang) for pair in (("fact", "事实"), ("type", "类型"), ("question", "提问"))]
        say(table([(row[0], row[1], row[3]) for row in rows], head))
        return EXIT_DONE
    for fact in chosen:
        say(f"{fact.id}  {fact.name.get(lang)} ({fact.type})")
        say(f"{wrap(fact.question.get(lang), 96)}\n{wrap(fact.help.get(lang), 96, '  ')}")
        for value in fact.values:
            say(f"    {value.id:<20} {value.label.get(lang)}")
        if fact.asked_when:
            say(Text(f"  asked when: {fact.asked_when}", f"  提问条件：{fact.asked_when}").get(lang))
        say(Text(f"  serves: {', '.join(fact.clauses)}", f"  对应条款：{'、'.join(fact.clauses)}").get(lang))
    return EXIT_DONE
