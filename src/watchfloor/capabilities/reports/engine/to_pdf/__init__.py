"""Reports as PDF: typst in parts, one box a part, then one document with one structure tree.

`plan` cuts a snapshot into parts, `part` compiles one, `merge` joins them; the handler of the job runs each in a box of its own.
"""
