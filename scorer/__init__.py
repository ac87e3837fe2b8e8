"""The scorer: a process of its own that turns (image, prompt) into scores over HTTP.

It never imports `orchestrator`; the two share nothing but the messages in `wire`. Importing this
package loads neither torch nor a web framework.
"""
