"""Faults on demand: the sandbox as a server, a proxy or a network that misbehaves.

`kinds` says what can go wrong, `armed` what is to go wrong when. The sandbox asks at a few moments
whether anything is due: `gateway` around every HTTP exchange, `lines` for every websocket frame,
`strikes` for what happens to a prompt or to the server. Without faults all of them do nothing.
"""
