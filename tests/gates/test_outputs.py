"""A gate as SARIF, as JUnit, as JSON and as text: the same result, in the form that each reader asks for."""

import json
import re
import xml.etree.ElementTree as ET
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
import yaml

from tests.gates.house import ADMINISTRATOR, OWNER, House

LEVELS = {"none", "note", "warning", "error"}


def check_sarif(log: dict[str, Any]) -> list[dict[str, Any]]:
    """What SARIF 2.1.0 asks of a log with one run; answers its results."""
    assert log["version"] == "2.1.0" and urlsplit(log["$schema"]).scheme == "https"
    (run,) = log["runs"]
    driver = run["tool"]["driver"]
    assert driver["name"] and isinstance(driver["rules"], list)
    ids = [rule["id"] for rule in driver["rules"]]
    assert len(ids) == len(set(ids)) and all(rule["shortDescription"]["text"] for rule in driver["rules"])
    results: list[dict[str, Any]] = run["results"]
    for result in results:
        assert result["ruleId"] in ids and result["level"] in LEVELS and result["message"]["text"]
        for place in result["locations"]:
            physical = place["physicalLocation"]
            uri = physical["artifactLocation"]["uri"]
            assert re.fullmatch(r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]+", uri), uri
            assert not re.search(r"%(?![0-9A-Fa-f]{2})", uri)
            assert physical["region"]["startLine"] >= 1
        for suppression in result.get("suppressions", []):
            assert suppression["kind"] in ("inSource", "external")
            assert suppression["status"] in ("accepted", "underReview", "rejected")
        assert all(isinstance(value, str) for value in result.get("partialFingerprints", {}).values())
    return results


@pytest.fixture
def mixed(house: House) -> House:
    """A system with everything a gate can find: missing, lapsed, contradicted, excepted, uncertain, stopped."""
    house.profile("loan-approval", owner=OWNER, children_data=None)
    house.people(legal="Zhao Lei", security="Sun Yue")
    args = ["--obligation", "govern.register-full", "--valid-until", "2026-01-31"]
    house.add("document", *args, system="loan-approval")
    failed = {"outcome": "fail", "exercised": ["restore"]}
    house.add("drill", "--obligation", "oversight.yearly-drill", result=failed, system="loan-approval")
    excepted = ["--obligation", "respond.plan", "--until", "2099-01-31"]
    house.decide("except", "Zhao Lei", "legal", *excepted)
    house.decide("stop", "Sun Yue", "security")
    return house


def test_every_form_says_the_same(mixed: House) -> None:
    house, gate = mixed, mixed.gate()
    assert [item["obligation"] for item in gate["lapsed"]] == ["govern.register-full"]
    assert [item["obligation"] for item in gate["contradicted"]] == ["oversight.yearly-drill"]
    assert [item["obligation"] for item in gate["excepted"]] == ["respond.plan"]
    assert gate["uncertain"] and all("children_data" in item["facts"] for item in gate["uncertain"])
    assert gate["stopped"] and not gate["open"]
    shut = sum(len(gate[name]) for name in ("missing", "lapsed", "contradicted", "uncertain", "stopped", "prohibited"))

    said = house.run("gate", "steelyard.yaml", "--at", "launch", "--format", "sarif")
    assert said.code == 1
    results = check_sarif(json.loads(said.out))
    errors = [item for item in results if item["level"] == "error"]
    assert len(errors) == shut
    (excepted,) = [item for item in results if item.get("suppressions")]
    assert excepted["ruleId"] == "respond.plan" and excepted["level"] == "note"
    lines = (house.folder / "steelyard.yaml").read_text(encoding="utf-8").splitlines()
    placed = [item for item in errors if item["locations"][0]["physicalLocation"]["region"]["startLine"] > 1]
    assert placed
    for item in placed:  # each stands at an answer, where a code host shows it
        line = lines[item["locations"][0]["physicalLocation"]["region"]["startLine"] - 1]
        assert re.match(r"  \w+:", line), line

    said = house.run("gate", "steelyard.yaml", "--at", "launch", "--format", "junit")
    assert said.code == 1
    suites = ET.fromstring(said.out)  # noqa: S314  (our own output)
    (suite,) = suites
    cases = suite.findall("testcase")
    assert len(cases) == int(suite.attrib["tests"]) == int(suites.attrib["tests"])
    assert len(suite.findall("testcase/failure")) == int(suite.attrib["failures"]) == shut
    assert len(suite.findall("testcase/skipped")) == int(suite.attrib["skipped"])
    assert {item.attrib["name"] for item in cases if item.find("failure") is not None} >= {
        "govern.register-full",
        "oversight.yearly-drill",
        "stopped",
    }
    assert all(item.attrib["classname"] == "steelyard.yaml" and item.attrib["name"] for item in cases)

    for lang, words in (
        (
            "en",
            ("stays CLOSED", "Missing", "Lapsed", "Contradicted", "Open questions decide", "Excepted", "stopped on"),
        ),
        ("zh", ("不予放行", "缺少", "已失效", "有不利结果", "取决于未知事实", "例外", "停用")),
    ):
        text = house.run("gate", "steelyard.yaml", "--at", "launch", "--lang", lang).out
        for word in (*words, "children_data", "respond.plan", gate["digest"]):
            assert word in text, word


def test_an_open_gate_has_nothing_to_report(house: House) -> None:
    house.profile()
    house.people(legal="Zhao Lei")
    house.light()
    house.decide("approve", "Zhao Lei", "legal")
    assert check_sarif(json.loads(house.ok("gate", "steelyard.yaml", "--at", "launch", "--format", "sarif"))) == []
    suite = ET.fromstring(house.ok("gate", "steelyard.yaml", "--at", "launch", "--format", "junit"))[0]  # noqa: S314
    assert suite.attrib["failures"] == "0" and suite.findall("testcase")
    assert "OPEN" in house.ok("gate", "steelyard.yaml", "--at", "launch")
    assert "放行" in house.ok("gate", "steelyard.yaml", "--at", "launch", "--lang", "zh")
    gate = house.gate()
    assert all(item["named"] and item["by"] for item in gate["satisfied"]) and gate["missing"] == []


def test_names_of_files_and_texts_break_neither_form(house: House) -> None:
    name = "档案 <a&b> #1.yaml"
    house.profile(name=name, id='a"b&<c>\u0085', owner=OWNER)
    log = json.loads(house.run("gate", name, "--at", "launch", "--format", "sarif").out)
    uri = check_sarif(log)[0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert unquote(uri) == name and "#" not in uri and " " not in uri
    log = json.loads(house.run("gate", house.folder / name, "--at", "launch", "--format", "sarif").out)
    assert check_sarif(log)[0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"].startswith("file:///")
    for lang in ("en", "zh"):
        said = house.run("gate", name, "--at", "launch", "--format", "junit", "--lang", lang)
        assert ET.fromstring(said.out)[0].findall("testcase")[0].attrib["classname"] == name  # noqa: S314


def test_a_prohibition_that_may_hold_is_in_every_form(house: House) -> None:
    house.profile(audience="public", hazard_domain=None)
    gate = house.gate()
    found = [item for item in gate["uncertain"] if item.get("prohibition")]
    assert found and found[0]["fact"] == "hazard_domain" and not gate["open"]
    rule = found[0]["obligation"]
    text = house.run("gate", "steelyard.yaml", "--at", "launch").out
    assert "STOP, if confirmed" in text and "hazard_domain" in text
    log = json.loads(house.run("gate", "steelyard.yaml", "--at", "launch", "--format", "sarif").out)
    assert rule in {item["ruleId"] for item in check_sarif(log)}
    said = house.run("gate", "steelyard.yaml", "--at", "launch", "--format", "junit").out
    assert rule in {item.attrib["name"] for item in ET.fromstring(said).iter("testcase")}  # noqa: S314


def test_the_plan_shows_what_the_store_holds(mixed: House) -> None:
    steps = {item["obligation"]: item for item in mixed.json("plan", "steelyard.yaml")}
    assert steps["govern.register-full"]["state"] == "lapsed" and steps["respond.plan"]["state"] == "excepted"
    assert steps["oversight.yearly-drill"]["detail"] == "contradicted"
    assert {item["state"] for item in steps.values()} <= {"satisfied", "due", "lapsed", "excepted"}
    assert yaml.safe_load((mixed.folder / "steelyard.yaml").read_text(encoding="utf-8"))["system"]["owner"] == OWNER
    assert ADMINISTRATOR not in json.dumps(steps)
