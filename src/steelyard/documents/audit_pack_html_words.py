"""The fixed texts of the page in an audit pack, in both languages: what a proof shows, what not, and every heading."""

from steelyard.base.i18n import Text

SECTIONS = (
    ("proof", Text("What this proves, and what it does not", "能证明什么，不能证明什么"), Text("Proof", "证明")),
    ("verify", Text("How to check it", "如何核验"), Text("Check it", "核验")),
    ("system", Text("The system", "系统"), Text("System", "系统")),
    ("tier", Text("Tier, and why", "等级与理由"), Text("Tier", "等级")),
    ("obligations", Text("Gates and obligations", "关口与义务"), Text("Obligations", "义务")),
    ("decisions", Text("Decisions", "决定"), Text("Decisions", "决定")),
    ("evidence", Text("Evidence", "证据"), Text("Evidence", "证据")),
    ("history", Text("How the answers changed", "答案的变化"), Text("History", "历史")),
    ("people", Text("People and their personal data", "人员与个人数据"), Text("People", "人员")),
    ("keys", Text("Keys", "密钥"), Text("Keys", "密钥")),
    ("logs", Text("Logs and witnesses", "账本与见证"), Text("Logs", "账本")),
)
"""Id, title, and name in the navigation of each section."""

PROVES = (
    Text(
        "Nothing in here changed since the newest checkpoint that somebody outside the house holds.",
        "自机构以外有人持有的最新检查点以来，此处内容未被改动。",
    ),
    Text(
        "The log only ever grew: no entry was taken out or put in between, and every statement about this system that "
        "the log took in is here.",
        "账本只增不减：没有抽走或插入任何记录；账本所收关于此系统的每份声明均在包内。",
    ),
    Text(
        "Who signed what: each statement and each decision bears the signature of a key that was good at the time, and "
        "each key was itself vouched for in the log.",
        "谁签了什么：每份声明、每项决定均由当时有效的密钥签署，而每个密钥本身也在账本中有据可查。",
    ),
)
PROVES_NOT = (
    Text("That what was stated is true.", "所声明的内容属实。"),
    Text(
        "That nothing was left out before it was logged: a log shows what came in, not what never did.",
        "入账之前没有遗漏：账本只显示收入的内容，不显示从未收入的内容。",
    ),
    Text(
        "Without a witness: that the owner did not rewrite everything before the oldest checkpoint that others hold. "
        "Whoever holds the keys of a house can write another history for those who have seen none.",
        "在没有见证的情况下：所有者未在他人持有的最早检查点之前重写全部内容。"
        "掌握机构密钥者，可向从未见过检查点的人编造另一段历史。",
    ),
    Text(
        "That the readings on this page (tier, gates, obligations) are right: they are this program's account, sealed "
        "by the house. “steelyard gate” computes them again from the profile in here.",
        "本页的判读（等级、关口、义务）正确：这是程序的说明，由本机构封签；可用“steelyard gate”依包内档案重新计算。",
    ),
)
HOW = Text(
    "One command, with nothing but Python 3.8 or later and no network. Better still, take the script from a place you "
    "trust rather than from this pack, and the key of the log from whoever you trust:",
    "一条命令即可，只需 Python 3.8 以上版本，无需联网。脚本最好取自可信来源而非本包，账本公钥也应由可信者提供：",
)
COMMAND = "python3 verify_pack.py pack.zip --key VKEY"
OPTIONS = (
    (
        "--held FILE",
        Text("a checkpoint that you kept earlier must be the start of this log", "此前留存的检查点须是该账本的开头"),
    ),
    ("--witness VKEY", Text("a witness must have cosigned this log", "见证方须已会签该账本")),
)
EXITS = Text(
    "Exit code 0: everything holds. 1: something does not, and each alarm has a code. 2: it cannot be read as a pack.",
    "退出码 0：全部成立；1：有不成立之处，每项警报均有代码；2：无法作为审计包读取。",
)
KEYS_HERE = Text("The public keys of the logs, as this pack states them:", "本包所载的账本公钥：")
FORMATS = Text(
    "Every log in here is a C2SP tile log, every receipt a tlog-proof, every statement an in-toto statement in a DSSE "
    "envelope; other tools read them too. OSCAL assessment results stand in oscal/.",
    "包内每个账本均为 C2SP 分块账本，每份回执均为 tlog-proof，每份声明均为 DSSE 信封中的 in-toto 声明，"
    "其他工具亦可读取；oscal/ 内有 OSCAL 评估结果。",
)

FIELD_STATES: dict[str, Text] = {
    "opened": Text("opened: it is what was logged", "已核对：与入账值一致"),
    "erased": Text("erased, and the erasing is on record", "已删除，且删除有记录"),
    "missing": Text("MISSING, without a record of erasing", "缺失，且无删除记录"),
    "mismatch": Text("MISMATCH: not what was logged", "不符：与入账值不同"),
}
FIELD_NAMES: dict[str, Text] = {"name": Text("name", "姓名")}
PURPOSES: dict[str, Text] = {
    "statement": Text("what this installation states", "本系统的声明"),
    "person": Text("decisions of a person", "个人的决定"),
    "outside": Text("evidence of somebody else", "外部出具的证据"),
}
SYSTEM_FIELDS: dict[str, Text] = {
    "system.id": Text("Id", "标识"),
    "system.name": Text("Name", "名称"),
    "system.purpose": Text("Purpose", "用途"),
    "system.unit": Text("Unit", "部门"),
    "system.owner": Text("Owner", "负责人"),
    "system.accountable": Text("Accountable", "责任人"),
    "models": Text("Models", "模型"),
    "datasets": Text("Datasets", "数据集"),
    "asked": Text("Answered with “I don't know”", "回答“不知道”的问题"),
}
CONFIDENCE: dict[str, Text] = {
    "low": Text("low", "低"),
    "medium": Text("medium", "中"),
    "high": Text("high", "高"),
}
NO_WITNESS = Text(
    "No witness has signed a checkpoint of these logs. Whoever owns the store could have rewritten them before the "
    "oldest checkpoint that somebody else holds.",
    "尚无见证方会签这些账本的检查点。在他人持有的最早检查点之前，掌管此存储者可能重写过内容。",
)
NOTHING = Text("none", "无")
HOUSE = Text("the house's own key", "本机构密钥")
STANDING = Text("admitted by a standing approval", "依常设批准准入")
EXTRA_CSS = """
.two { display: grid; grid-template-columns: 1fr 1fr; gap: 1rem 2.5rem; }
.two h3 { margin-top: 0.4rem; }
.two ul { padding-left: 1.2rem; margin: 0.4rem 0; }
.two li { margin-bottom: 0.5rem; }
pre { background: var(--soft); border-radius: 6px; padding: 0.8rem 1rem; overflow-x: auto; white-space: pre-wrap; }
dl.meta + p { margin-top: 1rem; }
pre code, .vkey { overflow-wrap: anywhere; }
.state { white-space: nowrap; font-weight: 600; }
.state.ok { color: var(--accent); }
.state.no { color: var(--stop); }
.gates { display: flex; flex-wrap: wrap; gap: 0.6rem; list-style: none; padding: 0; margin: 0.8rem 0; }
.gates li { border: 1px solid var(--line); border-radius: 8px; padding: 0.45rem 0.9rem; }
.gates li.no { border-color: var(--stop); }
.gates b { display: block; }
.gates li > span { color: var(--dim); font-size: 0.87rem; }
.was { color: var(--dim); text-decoration: line-through; }
td.by > span.item { display: block; margin-bottom: 0.35rem; }
#obligations table th:first-child, #decisions table th:first-child { min-width: 12rem; }
@media screen and (max-width: 48rem) { .two { grid-template-columns: 1fr; } }
"""
