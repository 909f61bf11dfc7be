"""The chaos test: everything that takes part is a real process, and may be killed at any moment.

    python -m chaos --handoffs 1000 --seed 7        (or: cargo xtask chaos --handoffs 1000 --seed 7)

`plan` draws from a seed what is ordered and who is killed when. `sender`, `worker` and `effects` are the
programs that take part, beside the server; `processes` starts and kills them. `storm` plays the plan,
`verdict` looks at what is left: the sender's answers, the log, and the effects that really happened.
"""
