"""When somebody leaves: what an erasing does not end is said, and a store never loses its only administrator."""

from tests.gates.house import ADMINISTRATOR, House

NAME = "Zhao Leiyu"


def test_an_erasing_says_that_roles_and_the_key_stay_and_the_commands_it_names_end_them(house: House) -> None:
    house.people(legal=NAME)
    said = house.run("ledger", "erase", NAME)
    assert said.code == 0 and "still legal" in said.err and "key revoke" in said.err and ".pem" in said.err
    person = said.out.split(":")[0]
    for line in said.err.splitlines():
        command = line[line.index("steelyard") :].removesuffix(" --by ADMINISTRATOR").split("; ")[0]
        house.ok(*command.replace("--by ADMINISTRATOR", "").split()[1:], "--by", ADMINISTRATOR)
    found = next(item for item in house.json_lines("key", "list") if item["holder"] == person)
    assert found["roles"] == [] and found["revoked"]
    last = house.run("ledger", "erase", person)
    assert "erased already" in last.out and last.err == ""


def test_the_only_administrator_is_neither_erased_nor_ended_nor_revoked(house: House) -> None:
    house.people(legal=NAME)
    for command in (
        ["ledger", "erase", ADMINISTRATOR],
        ["key", "revoke", ADMINISTRATOR, "--by", ADMINISTRATOR],
        ["appoint", ADMINISTRATOR, "--role", "administrator", "--until", "2020-01-01", "--by", ADMINISTRATOR],
        ["appoint", ADMINISTRATOR, "--role", "administrator", "--until", "2099-01-01", "--by", ADMINISTRATOR],
    ):
        told = house.refused(1, "last_administrator", *command)
        assert "--role administrator" in told["remedy"]
    listed = next(item for item in house.json_lines("key", "list") if item["name"] == ADMINISTRATOR)
    assert listed["roles"] == ["administrator"] and not listed["revoked"]
    # an end in one unit ends nothing everywhere; a second administrator frees the first
    house.ok(
        "appoint",
        ADMINISTRATOR,
        "--role",
        "administrator",
        "--unit",
        "X",
        "--until",
        "2020-01-01",
        "--by",
        ADMINISTRATOR,
    )
    house.ok("appoint", NAME, "--role", "administrator", "--by", ADMINISTRATOR)
    house.ok("ledger", "erase", ADMINISTRATOR)
    house.refused(1, "last_administrator", "ledger", "erase", NAME)  # who was erased does not count


def test_an_administrator_whose_key_was_revoked_does_not_count(house: House) -> None:
    house.people()
    house.person(NAME, "administrator")
    house.ok("key", "revoke", NAME, "--by", ADMINISTRATOR)
    house.refused(1, "last_administrator", "ledger", "erase", ADMINISTRATOR)


def test_the_list_of_keys_shows_pseudonyms_and_roles_in_words(house: House) -> None:
    house.people(legal=NAME)
    found = next(item for item in house.json_lines("key", "list") if item["name"] == NAME)
    line = next(text for text in house.ok("key", "list", "--lang", "zh").splitlines() if NAME in text)
    assert found["holder"] in line and "法务" in line and "legal" not in line
    none = house.refused(2, "unknown_key", "key", "revoke", "Nobody", "--by", ADMINISTRATOR)["message"]
    assert none == "no key matches Nobody"
    assert house.refused(2, "cannot_read", "key", "trust", "nofile", "--name", "x", "--by", ADMINISTRATOR)


def test_messages_name_the_unit_and_roles_in_words(house: House) -> None:
    house.profile(unit="Plant")
    house.people(legal=NAME)
    house.person("Sun Yue")
    house.ok("appoint", "Sun Yue", "--role", "legal", "--unit", "Elsewhere", "--by", ADMINISTRATOR)
    decide = ["decide", "approve", "steelyard.yaml", "--by", "Sun Yue", "--role", "legal", "--reason", "seen"]
    assert "in the unit Plant" in house.refused(1, "not_appointed", *decide)["message"]
    zh = house.run(*decide, "--lang", "zh")
    assert "部门“Plant”的法务" in zh.err and "为 legal" not in zh.err
    bare = [
        "decide",
        "except",
        "steelyard.yaml",
        "--by",
        NAME,
        "--role",
        "legal",
        "--reason",
        "later",
        "--until",
        "2099-01-01",
    ]
    assert "nothing" not in house.refused(2, "unknown_obligation", *bare)["message"]
    assert "（未填）" not in house.run(*bare, "--lang", "zh").err
    house.profile("support-bot", owner="Zhou Lan")
    told = house.refused(1, "not_fast_lane", "decide", "admit", "steelyard.yaml")["message"]
    assert "medium to medium" not in told and "medium" in told
