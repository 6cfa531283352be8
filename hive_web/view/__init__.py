"""What a page shows, in the words and shapes in which it shows it.

A view is made from core's answer in one place and used twice: a template renders it, and the live stream sends it as
JSON to `static/bind.js`, which fills the same markup. So a page looks the same whether it was loaded or updated.
"""
