"""What people and programs see: live table, plain lines, JSON lines, plan, report, Markdown, JUnit.

Views format events, plans and reports. They choose nothing, decide nothing and do not know what success is.
rich is imported here and nowhere else, and only by the modules that draw for a terminal.
"""
