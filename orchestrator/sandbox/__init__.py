"""The sandbox: a ComfyUI-compatible server that draws small scenes, and the world it draws.

`scene`, `prompt`, `world` and `draw` are the world, pure of any server. The sandbox uses no other
room.
"""
