from flowrra_django.exceptions import FlowrraError
from flowrra_django.history import with_attempt
from flowrra_django.job import Job, Kind
from flowrra_django.runners.base import describe


def job_of(**values):
    return Job(task_id="x", task_name="pay", kind=Kind.IO, args='["4111"]', kwargs="{}", **values)


def test_what_may_be_secret_is_not_in_the_words_for_a_job():
    words = repr(job_of(meta='{"by": "Ada"}'))
    assert "x" in words
    assert "4111" not in words
    assert "Ada" not in words


def test_an_error_that_names_its_job_does_not_grow_from_one_attempt_to_the_next():
    history, lengths = "[]", []
    for _ in range(4):
        job = job_of(history=history)
        error = describe(FlowrraError(f"{job} does not work"))
        history = with_attempt(job, error, "w", 1.0)
        lengths.append(len(error.message))
    assert len(set(lengths)) == 1
