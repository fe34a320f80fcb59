"""What a site can connect receivers to.

The sender is the task, and `task_result` the job as a `TaskResult`:

    @receiver(task_finished, sender=send_receipt)
    def tell_support(sender, task_result, **kwargs): ...

Each is sent at most once, on a thread with Django's connections, never on an event loop. A receiver
that raises changes nothing; its error is logged.
"""

from django.dispatch import Signal

task_enqueued = Signal()
"""After the commit, in the process that enqueued the job."""

task_started = Signal()
"""For each attempt, in the worker, when its claim is recorded."""

task_finished = Signal()
"""In the worker, when the ledger has accepted that the job succeeded, failed or was cancelled.

Inside an `except` block if it failed: `sys.exc_info()` and `logger.exception` have its exception.
A job that was cancelled while it waited sends none; one whose worker was lost sends it where it was
rescued.
"""
