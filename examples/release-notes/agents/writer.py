"""Writer: drafts release notes from the findings, and mends them as the editor's feedback says."""
import collections, re
from agent import serve, step

SECTIONS = {"feature": "Features", "fix": "Fixes", "performance": "Performance", "change": "Other changes", "docs": "Documentation",
            "internal": "Internal"}
HASH = re.compile(r"\s*\(?\b(?=[0-9a-f]*\d)(?=[0-9a-f]*[a-f])[0-9a-f]{7,40}\b\)?")
# How the first draft is written: a line per commit, as the history has them. Feedback changes it.
FIRST_DRAFT = {"hashes": True, "name_breaking": [], "detail": "everything", "words": None}

def newest(briefing, kind, key, otherwise):
    return next((item["value"] for item in reversed(briefing["items"]) if (item["kind"], item["key"]) == (kind, key)), otherwise)

def heed(style, problem):
    """The style that does not have this problem any more."""
    if problem["rule"] == "hashes":
        return {**style, "hashes": False}
    if problem["rule"] == "breaking":
        return {**style, "name_breaking": style["name_breaking"] + [problem["commit"]]}
    if problem["rule"] == "words":  # First without the internal changes one by one; if that does not do, cut to length.
        return {**style, "detail": "essential" if style["detail"] == "everything" else "fitted", "words": problem["allowed"]}
    return style

def summary(commits):
    counts = [(title.lower(), sum(commit["kind"] == kind for commit in commits)) for kind, title in SECTIONS.items()]
    return f"{len(commits)} more commits: " + ", ".join(f"{title} {count}" for title, count in counts if count)

def breaking_lines(risks, style):
    for item in risks:
        if item["value"]["commit"] in style["name_breaking"]:
            text = ("Breaking: " if item.get("confidence") == 100 else "Possibly breaking: ") + item["value"]["text"]
            yield {"section": "Breaking changes", "text": text, "commits": [item["value"]["commit"]]}

def commit_line(commit):
    text = f"{commit['area']}: {commit['subject']} ({commit['id'][:9]})"
    return {"section": SECTIONS[commit["kind"]], "text": text, "commits": [commit["id"]]}

def drafted(findings, risks, style):
    """The notes in the wanted style; when they have to fit, the longest section gives way, oldest line first."""
    title = f"What is new since {findings['from']}"
    breaking = list(breaking_lines(risks, style))
    kinds = list(SECTIONS)
    shown = sorted((c for c in findings["commits"] if c["id"] not in style["name_breaking"]), key=lambda c: kinds.index(c["kind"]))
    counted = [c for c in shown if c["kind"] in ("docs", "internal") and style["detail"] != "everything"]
    shown = [c for c in shown if c not in counted]
    while True:
        more = [{"section": "And also", "text": summary(counted), "commits": [c["id"] for c in counted]}] if counted else []
        notes = written(title, breaking + [commit_line(c) for c in shown] + more, style)
        if style["detail"] != "fitted" or notes["words"] <= style["words"] or not shown:
            return notes
        longest = collections.Counter(c["kind"] for c in shown).most_common(1)[0][0]
        counted.append(shown.pop(max(at for at, c in enumerate(shown) if c["kind"] == longest)))

def written(title, lines, style):
    if not style["hashes"]:
        title = HASH.sub(" an earlier commit", title)
        lines = [{**line, "text": HASH.sub("", line["text"])} for line in lines]
    text, section = f"# {title}\n", None
    for line in lines:
        text += f"\n## {line['section']}\n\n" if line["section"] != section else ""
        text, section = text + f"- {line['text']}\n", line["section"]
    return {"title": title, "lines": lines, "markdown": text, "words": len(text.split())}

def work(briefing):
    pace_ms = newest(briefing, "fact", "inputs", {}).get("pace_ms", 0)
    style = newest(briefing, "decision", "style", FIRST_DRAFT)
    step("reading the findings and the feedback", 10, pace_ms)
    feedback = [item for item in briefing["items"] if item["kind"] == "question" and item["key"].startswith("feedback/")]
    for problem in [problem for item in feedback for problem in item["value"]["problems"]]:
        step("mending: " + problem["text"], 40, pace_ms)
        style = heed(style, problem)
    step("putting the lines together", 70, pace_ms)
    notes = drafted(briefing["payload"], [item for item in briefing["items"] if item["kind"] == "risk"], style)
    why = "mended: " + ", ".join(sorted({problem["rule"] for item in feedback for problem in item["value"]["problems"]}))
    return {"result": notes, "discharged": [{"item": item["id"], "why": why} for item in feedback],
            "items": [{"kind": "decision", "key": "style", "value": style, "derived_from": [item["id"] for item in feedback]}]}

serve(work)
