"""Researcher: reads a git history and says, commit by commit, what changed and what breaks."""
import collections, re, subprocess
from agent import Failed, serve, step

COMMITS_MAX = 700  # Nobody reads the notes of a longer span, and a draft of it would be too large for one payload (256 KiB).
LOG_FORMAT = "--format=%x00%h%x00%s%x00%b%x00"  # No message can hold a NUL.
PREFIX = re.compile(r"(?:([\w./-]+)(?:\(([^)]+)\))?(!)?:\s+)?(.*)")
VERSION = re.compile(r"\S*\d+\.\d+\S*")
FOOTER = re.compile(r"^BREAKING[ -]CHANGE:\s*(.+)", re.MULTILINE)
# Words that often mean that something public is gone. A guess, and marked as one.
REMOVAL = re.compile(r"\b(removes?d?|drop(s|ped)?|renames?d?|deletes?d?|no longer)\b.*\b(api|public|support|option|flag|command|"
                     r"endpoint|function|method|parameter|argument|field|setting)s?\b", re.IGNORECASE)
KINDS = {"fix": "fix bugfix bug repair correct mend revert", "feature": "feat feature add new support allow introduce implement let",
         "performance": "perf performance speed optimize optimise", "docs": "doc docs document readme typo changelog",
         "internal": "chore test tests ci build deps refactor style bump format clean lint release wip"}
NESTED = ("crates", "packages", "libs", "apps", "cmd", "src")

def git(repo, *words):
    command = ["git", "-C", repo, "-c", "core.quotepath=off", "-c", "i18n.logOutputEncoding=UTF-8", *words]
    try:
        done = subprocess.run(command, capture_output=True, timeout=300)
    except FileNotFoundError:
        raise Failed("there is no `git` to be found", hint="install git, and name PATH in the agent's `env`") from None
    if done.returncode:
        raise Failed(done.stderr.decode(errors="replace").strip(), hint="pass another `repo`, `from` or `to`")
    return done.stdout.decode(errors="replace")

def commit(repo, revision):
    git(repo, "rev-parse", "--git-dir")  # Says so if this is no repository at all.
    try:
        return git(repo, "rev-parse", "--verify", revision + "^{commit}").strip()
    except Failed:
        raise Failed(f"`{repo}` has no revision `{revision}`", hint="pass another `from` or `to`") from None

def span(repo, since, until):
    """The revisions to list, and the name of where they start."""
    last = commit(repo, until)
    if since == "auto":
        try:
            since = git(repo, "describe", "--tags", "--abbrev=0", last + "^").strip()
        except Failed:  # No tag comes before it: everything there is.
            return [last], "the beginning"
    return [last, "^" + commit(repo, since)], since

def kind_of(word):
    stem = re.sub(r"(e?s|e?d|ing)$", "", word.lower())
    return next((kind for kind, words in KINDS.items() if {word.lower(), stem, stem + "e"} & set(words.split())), "change")

def area_of(files):
    parts = [path.split("/") for path in files]
    areas = ["/".join(part[: 2 if part[0] in NESTED and len(part) > 2 else 1]) for part in parts if len(part) > 1]
    return collections.Counter(areas).most_common(1)[0][0] if areas else "general"

def breaks(subject, body, kind, marked):
    """What breaks, in the author's words, and how sure that is; or nothing."""
    footer = FOOTER.search(body)
    if footer or marked:
        return (footer.group(1) if footer else subject), 100
    return (subject, 60) if REMOVAL.search(subject) and kind not in ("docs", "internal") else (None, 0)

def read(fields):
    number, subject, body, files = fields
    word, scope, marked, text = PREFIX.fullmatch(subject).groups()
    kind = kind_of(word or "")
    if kind == "change":  # No type in front of the colon, so it names an area: the first verb says the kind.
        scope, kind = scope or word, "internal" if VERSION.fullmatch(text) else kind_of((text.split() or [""])[0])
    breaking, confidence = breaks(text, body, kind, marked)
    found = {"id": number, "subject": text or "(no subject)", "area": scope or area_of(files.split("\n")[1:-1]),
             "breaking": breaking is not None, "kind": kind}
    return found, {"kind": "risk", "key": "breaking/" + number, "value": {"commit": number, "text": breaking}, "must_carry": True,
                   "confidence": confidence}

def work(briefing):
    asked = briefing["payload"]
    revisions, since = span(asked["repo"], asked["from"], asked["to"])
    log = git(asked["repo"], "log", "--no-merges", "--abbrev=12", "--name-only", LOG_FORMAT, *revisions, "--").split("\0")[1:]
    if not log or len(log) > 4 * COMMITS_MAX:
        raise Failed(f"{len(log) // 4} commits since {since}: there must be 1 to {COMMITS_MAX}", hint="pass another `from` or `to`")
    commits, items = [], []
    for at in range(0, len(log), 4):
        if at % max(4, len(log) // 40 * 4) == 0:
            step(f"reading commit {at // 4 + 1} of {len(log) // 4}", 100 * at // len(log), asked["pace_ms"])
        found, item = read(log[at : at + 4])
        commits.append(found)
        items += [item] if found["breaking"] else []
    findings = {"from": since, "to": asked["to"], "commits": commits}
    items += [{"kind": "fact", "key": "inputs", "value": asked}, {"kind": "artifact", "key": "findings", "value": findings}]
    return {"result": findings, "items": items, "confidence": 90}

serve(work)
