"""The last word on a candidate: check characters, dates, number ranges. Pure functions, shared by all engines.

A judge takes the candidate (folded; with its separators) and answers whether it can be what the rule is about. An
extender takes the folded text and a span, and answers the end of the whole. Packs name them (`JUDGES`, `EXTENDERS`).
None of them asks the clock: dates of birth are taken from 1900 to 2099.
"""

import datetime as dt
import math
from collections import Counter
from collections.abc import Callable

# GB/T 2260: the first two digits of a county code, by province; 71 is Taiwan, 81 Hong Kong, 82 Macau; residence permits
# write 83 for Taiwan.
PROVINCES = frozenset(
    "11 12 13 14 15 21 22 23 31 32 33 34 35 36 37 41 42 43 44 45 46 50 51 52 53 54 61 62 63 64 65 71 81 82 83".split()  # noqa: SIM905
)
_SEPARATORS = str.maketrans("", "", " -")
_ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_ID_CHECK = "10X98765432"
_USCC_SIGNS = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_USCC_WEIGHTS = tuple(pow(3, power, 31) for power in range(17))
_USCC_HEADS = frozenset(
    "11 12 13 19 21 29 31 32 33 34 35 39 41 49 51 52 53 54 59 61 62 69 71 72 79 81 89 91 92 93 A1 A9 "  # noqa: SIM905
    "N1 N2 N3 N9 Y1".split()
)
_MRZ_SIGNS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def bare(value: str) -> str:
    """A number without the spaces and hyphens people write into it."""
    return value.translate(_SEPARATORS)


def id_check(body: str) -> str:
    """The check character of the first 17 digits: GB 11643-1999, ISO 7064 MOD 11-2 (digits 0-9, and X for ten)."""
    return _ID_CHECK[sum(int(digit) * weight for digit, weight in zip(body, _ID_WEIGHTS, strict=True)) % 11]


def cn_id(value: str) -> bool:
    """A resident identity number, GB 11643-1999: county code (6), date of birth (8), sequence (3), check character."""
    number = bare(value).upper()
    return len(number) == 18 and number[:2] in PROVINCES and _date(number[6:14]) and id_check(number[:17]) == number[17]


def cn_id_15(value: str) -> bool:
    """The old number of 15 digits, GB 11643-1989: county code (6), date of birth with the year in two digits, sequence.

    It has no check digit, hence the low confidence of its rule.
    """
    return len(value) == 15 and value[:2] in PROVINCES and value[2:4] != "00" and _date(f"19{value[6:12]}")


def foreign_permanent(value: str) -> bool:
    """A foreign permanent resident's number of 18 digits (National Immigration Administration, cards from 2023).

    `9`, province (2), country (3), date of birth (8), sequence (3), and the check character of GB 11643.
    """
    number = bare(value).upper()
    return (
        len(number) == 18 and number[1:3] in PROVINCES and _date(number[6:14]) and id_check(number[:17]) == number[17]
    )


def _date(digits: str) -> bool:
    try:
        return 1900 <= dt.date(int(digits[:4]), int(digits[4:6]), int(digits[6:])).year <= 2099
    except ValueError:
        return False


def luhn(number: str) -> bool:
    """The check digit of payment cards: ISO/IEC 7812-1, annex B."""
    total = 0
    for index, digit in enumerate(reversed(number)):
        value = ord(digit) - 48
        if index % 2:
            value = value * 2 - 9 if value > 4 else value * 2
        total += value
    return total % 10 == 0


def bank_card(value: str) -> bool:
    """A payment card: issuer ranges with the lengths they use (ISO/IEC 7812; the schemes' published ranges), and Luhn.

    62 UnionPay (16 to 19 digits); 4 Visa (16, 19); 51-55 and 2221-2720 Mastercard (16); 34, 37 American Express (15);
    3528-3589 JCB (16); 30, 36, 38, 39 Diners Club (14); 60, 65 Discover and older domestic debit cards (16 to 19).
    """
    number = bare(value)
    size, head = len(number), int(number[:4])
    ranged = (
        (head // 100 == 62 and 16 <= size <= 19)
        or (head // 1000 == 4 and size in (16, 19))
        or ((51 <= head // 100 <= 55 or 2221 <= head <= 2720) and size == 16)
        or (head // 100 in (34, 37) and size == 15)
        or (3528 <= head <= 3589 and size == 16)
        or (head // 100 in (30, 36, 38, 39) and size == 14)
        or (head // 100 in (60, 65) and 16 <= size <= 19)
    )
    return ranged and len(set(number)) > 1 and luhn(number)


def uscc_check(body: str) -> str:
    """The check character of the first 17 characters: GB 32100-2015, ISO 7064-like MOD 31 with powers of three."""
    total = sum(_USCC_SIGNS.index(char) * weight for char, weight in zip(body, _USCC_WEIGHTS, strict=True))
    return _USCC_SIGNS[-total % 31]


def uscc(value: str) -> bool:
    """A unified social credit code, GB 32100-2015: authority and class, county code, organisation code, check."""
    code = value.upper()
    return (
        code[:2] in _USCC_HEADS and (code[2:4] in PROVINCES or code[2:4] == "10") and uscc_check(code[:17]) == code[17]
    )


def plate(value: str) -> bool:
    """A vehicle plate, GA 36-2018: five signs of which at most two are letters, or six for new-energy vehicles.

    Small new-energy vehicles have a letter A-K (not I) first and four digits last; large ones end in such a letter.
    """
    serial = "".join(char for char in value[1:].upper() if char.isascii() and char.isalnum())[1:]
    letters = sum(char.isalpha() for char in serial)
    if len(serial) == 6:
        if serial[0] in "ABCDEFGHJK":
            return serial[2:].isdigit()
        return serial[:5].isdigit() and serial[5] in "ABCDEFGHJK"
    if value[-1:] in "挂学警港澳":
        return len(serial) == 4 and letters <= 1
    return len(serial) == 5 and letters <= 2


def hk_id_card(value: str) -> bool:
    """A Hong Kong identity card: one or two letters, six digits, a check digit modulo 11 in brackets.

    A missing first letter counts as a space of value 36; letters count from A = 10.
    """
    body = "".join(char for char in value.upper() if char.isalnum())
    head, digits, check = body[:-7].rjust(2), body[-7:-1], body[-1]
    values = [36 if char == " " else ord(char) - 55 for char in head] + [int(digit) for digit in digits]
    total = sum(number * weight for number, weight in zip(values, range(9, 1, -1), strict=True))
    return "0123456789A"[-total % 11] == check


def mrz_check(text: str) -> str:
    """The check digit of a field of a machine-readable zone: ICAO Doc 9303 part 3, weights 7, 3, 1 modulo 10."""
    values = (0 if char == "<" else _MRZ_SIGNS.index(char) for char in text)
    return str(sum(value * (7, 3, 1)[index % 3] for index, value in enumerate(values)) % 10)


def passport_mrz(value: str) -> bool:
    """The second line of a passport's machine-readable zone: ICAO Doc 9303 part 4; number, birth and expiry check."""
    return (
        mrz_check(value[:9]) == value[9]
        and mrz_check(value[13:19]) == value[19]
        and mrz_check(value[21:27]) == value[27]
        and mrz_check(value[:10] + value[13:20] + value[21:43]) == value[43]
    )


def email(value: str) -> bool:
    """An address in the common form of RFC 5321: no file name like a@2x.png, no version like a@1.0.Final."""
    local, _, domain = value.rpartition("@")
    labels = domain.lower().split(".")
    if ".." in local or local[-1] == "." or local == "git" or labels[-1] in _FILE_TYPES:
        return False
    if len(labels) > 2 and all(label.isdigit() for label in labels[:-1]):
        return False
    return all(label and label[0] != "-" and label[-1] != "-" and len(label) <= 63 for label in labels)


def person_name(value: str) -> bool:
    """A Chinese name: a surname (one or two characters, among those most people bear) and one or two more characters.

    Surnames as in the name report of the Ministry of Public Security; words for units are not names.
    """
    if value[-1] in _UNITS or value in _NO_NAMES:
        return False
    return len(value) in (3, 4) if value[:2] in _DOUBLE_SURNAMES else len(value) in (2, 3) and value[0] in _SURNAMES


_SURNAMES = frozenset(
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗郑梁谢宋唐许邓韩冯曹彭曾肖田董潘袁蔡蒋余于杜叶程魏苏吕丁任卢姚沈钟姜崔谭陆范"
    "汪廖石金韦贾夏付方邹熊白孟秦邱侯江尹薛闫段雷龙黎史陶贺毛郝顾龚邵万覃武钱戴严莫孔向常汤康易乔赖文欧樊兰殷施洪翟安颜倪"
    "牛温芦季俞章鲁葛伍申尤毕聂柴焦向柳邢岳齐梅庄辛管祝左涂谷时舒耿牟卜路詹关苗凌费纪靳盛童欧甄项曲成游阳裴席卫查屈鲍位覃"
    "霍翁隋植甘景薄单包司柏宁柯阮桂闵解强丛"
)
_DOUBLE_SURNAMES = frozenset("欧阳 上官 司马 诸葛 皇甫 司徒 东方 尉迟 公孙 慕容 令狐 夏侯 端木 长孙 南宫 宇文".split())  # noqa: SIM905
_UNITS = frozenset("部处科室组局院厅办司所站队会店厂行")
_NO_NAMES = frozenset(
    {"单位", "管理员", "任意", "向导", "解释", "成员", "成员们", "时间", "强制", "安全", "安全员", "关联人"}
)
_PLACES = "省市区县镇乡村路街巷道号弄栋幢楼室"


def cn_address(value: str) -> bool:
    """An address: at least two kinds of the words that Chinese addresses are built of, and a number."""
    return sum(word in value for word in _PLACES) >= 2 and any(
        char in "0123456789一二三四五六七八九十" for char in value
    )


_FILE_TYPES = frozenset("png jpg jpeg gif svg webp css js json yaml yml txt".split())  # noqa: SIM905


def entropy(value: str) -> float:
    """Shannon entropy of the characters, in bits for each."""
    size = len(value)
    return -sum(count / size * math.log2(count / size) for count in Counter(value).values()) if size else 0.0


def random_token(value: str) -> bool:
    """Whether a token looks drawn at random: letters and digits, and more than 3 bits for each character."""
    return any(char.isdigit() for char in value) and any(char.isalpha() for char in value) and entropy(value) > 3.0


_PLACEHOLDERS = ("example", "changeme", "placeholder", "your_", "your-", "xxxx", "****", "....", "${", "{{", "<", "%(")


def assigned_secret(value: str) -> bool:
    """A value given to something called a password, key or token: not a word, a variable or a placeholder.

    It mixes at least two of letters, digits and signs, and has at least 2.5 bits for each character.
    """
    low = value.lower()
    if any(mark in low for mark in _PLACEHOLDERS) or value[0] in "$%":
        return False
    digits = sum(char.isdigit() for char in value)
    signs = sum(not char.isalnum() and char not in "_-./:" for char in value)
    letters = sum(char.isalpha() for char in value)
    return bool(digits or signs) and letters > 0 and entropy(value) >= 2.5


def written(value: str) -> bool:
    """Whether a password is written out, and not hidden by stars or left to a variable."""
    return value[0] != "$" and any(char.isalnum() for char in value)


def pem_block(text: str, start: int, end: int) -> int:
    """The end of a PEM block (RFC 7468): after its END line, else after what looks like its body."""
    limit = min(len(text), end + _PEM_MOST)
    close = text.find("-----END ", end, limit)
    if close >= 0:
        last = text.find("-----", close + 9, close + 64)
        if last >= 0:
            return last + 5
    while end < limit and (text[end] in _PEM_SIGNS or (text[end].isascii() and text[end].isalnum())):
        end += 1
    return end


_PEM_MOST = 20_000
_PEM_SIGNS = frozenset("+/=\r\n\\ \t")


def token_run(text: str, start: int, end: int) -> int:
    """The end of the run of base64url characters and dots that goes on at `end` (at most 20,000 more)."""
    limit = min(len(text), end + _PEM_MOST)
    while end < limit and text[end].isascii() and (text[end].isalnum() or text[end] in "-_."):
        end += 1
    while text[end - 1] == ".":
        end -= 1
    return end


def address_run(text: str, start: int, end: int) -> int:
    """The end of an address that goes on at `end`: at most 48 more Chinese characters, letters, digits, `#()-`."""
    limit = min(len(text), end + 48)
    while end < limit and (text[end].isalnum() or text[end] in "#()-"):
        end += 1
    return end


Judge = Callable[[str], bool]
Extender = Callable[[str, int, int], int]

JUDGES: dict[str, Judge] = {
    judge.__name__: judge
    for judge in (
        cn_id, cn_id_15, foreign_permanent, bank_card, uscc, plate, hk_id_card, passport_mrz, email, random_token,
        assigned_secret, person_name, cn_address, written,
    )
}  # fmt: skip
EXTENDERS: dict[str, Extender] = {extender.__name__: extender for extender in (pem_block, token_run, address_run)}
