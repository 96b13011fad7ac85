"""Executes notebooks from top to bottom, where they stand. Prints what went
wrong, warnings too; nothing is what is wanted.

usage: notebooks.py [--write] notebook.ipynb…

--write keeps what the cells answered in the notebook, as it is committed.
"""

import os
import sys

import nbclient
import nbformat

write = "--write" in sys.argv
# No cell may hide what it has to say, nor what a library has to.
os.environ["PYTHONWARNINGS"] = "default"
for path in [a for a in sys.argv[1:] if a != "--write"]:
    notebook = nbformat.read(path, as_version=4)
    client = nbclient.NotebookClient(notebook, timeout=300, resources={"metadata": {"path": os.path.dirname(path) or "."}})
    try:
        client.execute()
    except nbclient.exceptions.CellExecutionError as error:
        print(f"{path}: {error}")
        continue
    outputs = 0
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)  # when it ran: differs each time
        for output in cell.get("outputs", []):
            outputs += 1
            if output.output_type == "error" or output.get("name") == "stderr":
                print(f"{path}: {cell.id}: {output.get('text') or output.get('evalue')}")
    if outputs == 0:
        print(f"{path}: no cell answered anything")
    if write:
        nbformat.write(notebook, path)
