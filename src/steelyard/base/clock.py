"""The one clock. Judgement never reads it: dates are passed in, and default to today in Shanghai at the rim."""

import calendar
import datetime as dt
import re
from zoneinfo import ZoneInfo

from steelyard.base.errors import InputError
from steelyard.base.i18n import Text

SHANGHAI = "Asia/Shanghai"
_DURATION = re.compile(
    r"P(?=\d|T\d)(\d{1,5}Y)?(\d{1,5}M)?(\d{1,5}W)?(\d{1,5}D)?(T(?=\d)(\d{1,6}H)?(\d{1,6}M)?(\d{1,6}S)?)?", re.ASCII
)
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


def today() -> dt.date:
    """Today's date in Asia/Shanghai."""
    try:
        zone: dt.tzinfo = ZoneInfo(SHANGHAI)
    except Exception:  # a machine without time zone data; China has used +08:00 without change since 1991
        zone = dt.timezone(dt.timedelta(hours=8))
    return dt.datetime.now(zone).date()


def parse_date(value: str, *, field: str | None = None) -> dt.date:
    """A calendar date written `YYYY-MM-DD`. Raises InputError `bad_date`."""
    try:
        if not _DATE.fullmatch(value):
            raise ValueError(value)
        return dt.date.fromisoformat(value)
    except ValueError:
        raise InputError(
            "bad_date",
            Text(f"{value!r} is not a date", f"{value!r} 不是日期"),
            remedy=Text("write it as YYYY-MM-DD, for example 2026-11-24", "请写成 YYYY-MM-DD，例如 2026-11-24"),
            field=field,
        ) from None


def is_duration(value: str) -> bool:
    """Whether `value` is an ISO 8601 duration such as `P30D` or `PT4H`."""
    return _DURATION.fullmatch(value) is not None and any(char in "123456789" for char in value)


def duration_text(value: str) -> Text:
    """An ISO 8601 duration in words: `P30D` as 30 days."""
    units = {
        "Y": ("year", "年"),
        "M": ("month", "个月"),
        "W": ("week", "周"),
        "D": ("day", "天"),
        "H": ("hour", "小时"),
    }
    english, chinese, number = [], [], ""
    if "T" in value:
        units = {**units, "M": ("minute", "分钟"), "S": ("second", "秒")} if value.startswith("PT") else units
    for char in value.replace("T", ""):
        if char.isdigit():
            number += char
        elif number and char in units:
            word, short = units[char]
            english.append(f"{number} {word}{'' if number == '1' else 's'}")
            chinese.append(f"{number} {short}")
            number = ""
    return Text(" ".join(english), "".join(chinese)) if english else Text(value, value)


def is_date(value: str) -> bool:
    """Whether `value` is a calendar date `YYYY-MM-DD`."""
    try:
        parse_date(value)
    except InputError:
        return False
    return True


def add_duration(start: dt.date, duration: str) -> dt.date:
    """The day an ISO 8601 duration after `start`; a day the month lacks becomes its last; hours round up to days."""
    match = _DURATION.fullmatch(duration)
    if match is None:
        raise ValueError(f"{duration!r} is not an ISO 8601 duration")
    years, months, weeks, days, _, hours, minutes, seconds = (
        int(part[:-1]) if part and part[0].isdigit() else 0 for part in match.groups()
    )
    total = start.year * 12 + start.month - 1 + years * 12 + months
    year, month = divmod(total, 12)
    year = min(year, dt.MAXYEAR)
    last = calendar.monthrange(year, month + 1)[1]
    moved = dt.date(year, month + 1, min(start.day, last))
    rest = dt.timedelta(hours=hours, minutes=minutes, seconds=seconds)
    extra = rest.days + (1 if rest.seconds else 0)
    try:
        return moved + dt.timedelta(days=weeks * 7 + days + extra)
    except OverflowError:
        return dt.date.max
