"""Live things in a cell: a still picture stands in for what is not alive, and what a cell made before is closed.

A widget lives in the kernel. After a restart, on the next day or on a page that cannot run, the browser has nothing to
show and says "model not found". So each is displayed twice: alive, and as a picture with one line that says how to
revive it. A style rule of the page hides what is not wanted, and follows at once when the kernel goes.
"""

from __future__ import annotations

from typing import Any

from mininnip.figures.picture import Picture

__all__ = ["close_all", "display_alive", "running_cell"]

_OUTPUT, _LIVING = ".jp-OutputArea-child", ".mininnip-alive:not(.jupyter-widgets-disconnected)"
_WIDGET = f"{_OUTPUT}:has(> .lm-Panel.jp-OutputArea-output:not([data-mime-type]))"  # as JupyterLab marks it
STYLE = (
    f"{_OUTPUT}:has({_LIVING}) + {_OUTPUT} .mininnip-if-dead, "
    f"{_WIDGET}:not(:has({_LIVING})):has(+ {_OUTPUT} .mininnip-stand-in) {{ display: none; }}"
)
REVIVE = (
    "<b>This is a still picture.</b> Run its cell again to use it; after a restart of the kernel choose first "
    "<i>Run › Run All Above Selected Cell</i>."
)


def display_alive(widget: Any, picture: Picture, keep_picture: bool = False) -> None:
    """Display a widget, and a picture that is seen only when the widget is not alive.

    Args:
        widget: any ipywidget.
        picture: what it shows, or showed last.
        keep_picture: the picture stands below the living widget, too; only the line that tells how to revive it is
            hidden.
    """
    from IPython.display import display

    widget.add_class("mininnip-alive")
    view = {"model_id": widget.model_id, "version_major": 2, "version_minor": 0}
    name = f"{type(widget).__name__}()"  # tests/execute_notebooks.py drops it from committed files
    display({"application/vnd.jupyter.widget-view+json": view, "text/plain": name}, raw=True)
    revive = f'<p class="mininnip-revive mininnip-if-dead">{REVIVE}</p>'
    hidden = "" if keep_picture else " mininnip-if-dead"
    before, after = f'<style>{STYLE}</style><div class="mininnip-stand-in{hidden}">', f"</div>{revive}"
    data, metadata = picture.bundle(before, after)
    display(data, metadata=metadata, raw=True)


def running_cell() -> tuple[str, str] | None:
    """Identifiers of the cell that runs now and of this run of it, where the front end tells them (JupyterLab does)."""
    from IPython.core.getipython import get_ipython

    parent = getattr(get_ipython(), "get_parent", dict)()
    cell = parent.get("metadata", {}).get("cellId")
    return None if cell is None else (cell, parent.get("header", {}).get("msg_id", ""))


def close_all(widget: Any) -> None:
    """Close a widget and all it is made of, in the kernel and in the browser: children, their styles, their links.

    A link that outlives its widgets keeps them in memory, and a page that is reloaded then waits for them forever.
    """
    from ipywidgets.widgets.widget import _instances
    from ipywidgets.widgets.widget_link import Link

    mine = _parts(widget)
    known = set(map(id, mine))
    for link in [one for one in list(_instances.values()) if isinstance(one, Link)]:
        if any(id(end) in known for end, _trait in (link.source, link.target)):
            mine.append(link)
    for part in mine:
        part.close()


def _parts(widget: Any) -> list[Any]:
    """A widget and every widget that a synchronized trait of it or its attribute `kept` holds, and so on."""
    from ipywidgets import Widget

    found, waiting = {}, [widget]
    while waiting:
        one = waiting.pop()
        if isinstance(one, Widget):
            if id(one) not in found:
                found[id(one)] = one
                waiting += [one._trait_values.get(name) for name in one.keys]
                waiting += getattr(one, "kept", [])
        elif isinstance(one, list | tuple):
            waiting += one
    return list(found.values())
