"""One look for all pages that the course writes: a readable column, no server, nothing fetched."""

from __future__ import annotations

import html
import re
from pathlib import Path

from nbhelpers import paths

# On top of nbconvert's own style: a readable column, and on a phone nothing wider than the screen but what can scroll.
STYLE = """
body{margin:0 auto;max-width:60rem;padding:0 1rem 4rem;font:1rem/1.55 system-ui,sans-serif;color:#1b1b1b}
nav{display:flex;flex-wrap:wrap;gap:.3rem 1.2rem;padding:.8rem 0;border-bottom:1px solid #ddd;margin-bottom:1rem}
nav a,main a{color:#005a9c}img{max-width:100%!important;height:auto!important}figure{margin:1.5rem 0}
figcaption{color:#555;font-size:.9rem}table{border-collapse:collapse;font-size:.85rem}
th,td{padding:.25rem .6rem;text-align:right;border-bottom:1px solid #e5e5e5}
th:first-child,td:first-child,.text td,.text th{text-align:left}.wide{overflow-x:auto;max-width:100%}
pre{overflow-x:auto}.jp-Notebook{padding:0!important;margin:0!important}
.jp-RenderedHTMLCommon{overflow-x:auto;max-width:100%}.jp-Cell{max-width:100%;padding-left:0!important}
.jp-InputPrompt,.jp-OutputPrompt{display:none!important}.jp-OutputArea-output{overflow-x:auto;max-width:100%}
.jp-Cell-inputWrapper,.jp-Cell-outputWrapper,.jp-OutputArea-child,.jp-InputArea{min-width:0;max-width:100%}
"""
PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title><style>{style}</style></head><body>{nav}<main>{body}</main></body></html>
"""


def marked(text: str) -> str:
    """As HTML, safe to show.

    Parameters
    ----------
    text : str
        Plain, but for code in backticks.

    Returns
    -------
    str
        HTML.
    """
    return re.sub("`([^`]+)`", r"<code>\1</code>", html.escape(text, quote=False))


def write(path: Path, title: str, style: str, body: str, links: list[tuple[str, str]]) -> None:
    """Write a page, whole or not at all.

    Parameters
    ----------
    path : Path
        The file.
    title : str
        Of the page, plain text.
    style : str
        CSS that comes before the common one.
    body : str
        HTML.
    links : list of tuple of str
        (text, address) of the links at the top.
    """
    nav = "".join(f'<a href="{href}">{html.escape(text)}</a>' for text, href in links)
    page = PAGE.format(title=html.escape(title), style=style + STYLE, nav=f"<nav>{nav}</nav>", body=body)
    with paths.atomic(path) as part:
        part.write_text(page, encoding="utf-8")
