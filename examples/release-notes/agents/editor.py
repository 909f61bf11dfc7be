"""Editor: holds the notes against the constraints, mechanically; approves them or says what is wrong."""
import os, re
from agent import Failed, call, serve, step

HASH = re.compile(r"\b(?=[0-9a-f]*\d)(?=[0-9a-f]*[a-f])[0-9a-f]{7,40}\b")

def breaking(notes, risks, **_):
    for item in risks:
        commit, wanted = item["value"]["commit"], set(re.findall(r"\w{4,}", item["value"]["text"].lower()))
        said = [line["text"].lower() for line in notes["lines"] if commit in line["commits"] and "breaking" in line["text"].lower()]
        if not any(2 * len(wanted & set(re.findall(r"\w{4,}", text))) >= len(wanted) for text in said):
            yield {"rule": "breaking", "commit": commit, "text": f"not named: {item['value']['text']}"}

def hashes(notes, **_):
    found = HASH.findall(notes["title"] + "\n" + notes["markdown"])
    if found:
        yield {"rule": "hashes", "text": f"{len(found)} bare commit hashes, the first is {found[0]}"}

def words(notes, constraint, **_):  # Counted as `wc -w` does.
    found, allowed = len(notes["markdown"].split()), int(re.search(r"\d+", constraint).group())
    if found > allowed:
        yield {"rule": "words", "found": found, "allowed": allowed, "text": f"{found} words, at most {allowed} are allowed"}

def traceable(notes, findings, **_):
    known = {commit["id"] for commit in findings["commits"]}
    for line in notes["lines"]:
        if not line["commits"] or not known.issuperset(line["commits"]):
            yield {"rule": "traceable", "text": f"rests on no commit of the findings: {line['text']}"}
    bullets = {f"- {line['text']}" for line in notes["lines"]}
    for line in notes["markdown"].splitlines():
        if line and not line.startswith("#") and line not in bullets:
            yield {"rule": "traceable", "text": f"not one of the lines: {line}"}

CHECKS = {"breaking": breaking, "hashes": hashes, "words": words, "traceable": traceable}

def publish(path, text):
    """Writes the file once, even if an earlier attempt was cut short in the middle of it."""
    effect = {"name": "write-file", "key": path}
    begin = {**effect, "arguments": {"path": path, "text": text}, "reconcile": "agent"}
    try:
        go = call("effect/begin", **begin)
    except Failed as failed:
        if failed.data["kind"] != "HC-024":
            raise
        call("effect/reconcile", **effect, happened=written(path, text))  # The file itself says whether it happened.
        go = call("effect/begin", **begin)
    if go["proceed"]:
        try:
            with open(path + ".part", "w", encoding="utf-8") as file:
                file.write(text)
            os.replace(path + ".part", path)
        except OSError as error:
            call("effect/finish", **effect, happened=False)
            raise Failed(f"failed to write `{path}`: {error.strerror}", hint="pass another `out`") from None
        call("effect/finish", **effect, happened=True, result={"bytes": len(text.encode())})

def written(path, text):
    try:
        with open(path, encoding="utf-8") as file:
            return file.read() == text
    except OSError:
        return False

def work(briefing):
    notes, items = briefing["payload"], briefing["items"]
    value = {(item["kind"], item["key"]): item["value"] for item in items}
    if ("artifact", "findings") not in value:
        raise Failed("the ledger has no `findings`", hint="the researcher's result must come with them")
    inputs = value.get(("fact", "inputs"), {})
    risks = [item for item in items if item["kind"] == "risk"]
    constraints = {item["key"]: item["value"] for item in items if item["kind"] == "constraint"}
    problems = []
    for number, (key, text) in enumerate(constraints.items()):
        step(f"checking: {text}", 100 * number // len(constraints), inputs.get("pace_ms", 0))
        if key in CHECKS:
            problems += CHECKS[key](notes=notes, constraint=text, risks=risks, findings=value["artifact", "findings"])
    result = {"approved": not problems, "problems": problems, "unchecked": sorted(set(constraints) - set(CHECKS))}
    score = max(0, 100 - 25 * len({problem["rule"] for problem in problems}))
    if problems:
        return {"result": result, "effects": [], "verdict": {"revise": {"problems": problems}, "score": score}}
    effects = []
    if inputs.get("out", "none") != "none":
        path = os.path.join(inputs["repo"], inputs["out"])
        publish(path, notes["markdown"])
        effects = [{"name": "write-file", "target": path}]
    seen = [{"item": item["id"], "why": "the approved notes name it"} for item in risks]
    return {"result": result, "effects": effects, "discharged": seen, "verdict": {"approved": True, "score": score}}

serve(work)
