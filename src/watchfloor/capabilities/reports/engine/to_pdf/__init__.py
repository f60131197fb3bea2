"""Reports as PDF: typst in parts, one box a part, then one document with one structure tree.

`plan` cuts a snapshot into parts, `part` compiles one, `merge` joins them; the handler of the job runs each in a box of its own.
To join them, `reading` and `opening` take apart what typst wrote, `structure`, `outline` and `stamp` make it fit the whole, `check` looks at it, and
`writing` sends it on.
"""
