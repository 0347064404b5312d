"""The report on the documents, in Markdown, made from the results of tasks and nothing else."""
