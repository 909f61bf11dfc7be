"""From what the repetitions measured to what is published: medians, results.json and the table in Markdown.

A number of a row is the median of its repetitions, each number by itself; `workflows_per_s_range` keeps the lowest and the
highest, so that a reader sees how far one run is from the next. Version and durability are those of the median run.
Every single measurement stays in results.json.
"""

import statistics

Line = dict[str, object]

COLUMNS = (
    ("peer", "peer"),
    ("kind", "kind"),
    ("steps", "steps"),
    ("at once", "concurrent"),
    ("workflows/s", "workflows_per_s"),
    ("from – to", "workflows_per_s_range"),
    ("handoffs/s", "handoffs_per_s"),
    ("wf p50", "wf_p50_ms"),
    ("wf p95", "wf_p95_ms"),
    ("wf p99", "wf_p99_ms"),
    ("gap p50", "gap_p50_ms"),
    ("gap p95", "gap_p95_ms"),
    ("gap p99", "gap_p99_ms"),
    ("failed", "failed"),
    ("version", "version"),
    ("durability", "durability"),
)
WORDS = ("peer", "kind", "version", "durability")


def medians(measured: list[Line]) -> list[Line]:
    """One line per row, in the order in which the rows are read: the same work together, one peer below the other."""
    repetitions: dict[tuple, list[Line]] = {}
    for line in measured:
        repetitions.setdefault((line["concurrent"], line["steps"], line["peer"], line["kind"]), []).append(line)
    return [median_of(repetitions[row]) for row in sorted(repetitions)]


def median_of(lines: list[Line]) -> Line:
    by_rate = sorted(lines, key=lambda line: line["workflows_per_s"])
    middle = by_rate[(len(by_rate) - 1) // 2]
    merged = {name: median(line[name] for line in lines) if is_measured(name) else middle[name] for name in middle}
    return merged | {
        "workflows_per_s_range": [by_rate[0]["workflows_per_s"], by_rate[-1]["workflows_per_s"]],
        "failed": sum(line["failed"] for line in lines),
        "first_failure": next((line["first_failure"] for line in lines if line["first_failure"]), None),
        "repetitions": len(lines),
    }


def is_measured(name: str) -> bool:
    return name.endswith(("_ms", "_per_s"))


def median(numbers) -> float | None:
    known = [number for number in numbers if number is not None]
    return round(statistics.median(known), 3) if known else None


def markdown(lines: list[Line]) -> str:
    """The table. A row with failures is not hidden and not corrected: its count stands in the row. Times are in milliseconds."""
    titles = "| " + " | ".join(title for title, _ in COLUMNS) + " |"
    rule = "|" + "|".join(":--" if name in WORDS else "--:" for _, name in COLUMNS) + "|"
    return "\n".join([titles, rule, *(f"| {' | '.join(cell(line[name]) for _, name in COLUMNS)} |" for line in lines)])


def cell(value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, list):
        return " – ".join(cell(each) for each in value)
    if isinstance(value, float):
        return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
    return str(value)
