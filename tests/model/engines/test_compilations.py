"""`Compilations`: what threads have compiled is taken once."""

from __future__ import annotations

import threading

import pytest

from albert_embed.model.engines.compilations import CompilationCount, Compilations


def test_what_threads_have_compiled_is_taken_once() -> None:
    compilations = Compilations()

    def compile_some() -> None:
        for _ in range(5):
            with compilations.measure():
                pass

    threads = [threading.Thread(target=compile_some) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert compilations.take().number == 20
    assert compilations.take() == CompilationCount(number=0, msecs=0)


def test_the_time_adds_up(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([1.0, 1.25, 10.0, 12.0])
    monkeypatch.setattr("time.perf_counter", lambda: next(times))
    compilations = Compilations()
    for _ in range(2):
        with compilations.measure():
            pass
    monkeypatch.undo()
    assert compilations.take() == CompilationCount(number=2, msecs=2250)


def test_what_fails_does_not_count() -> None:
    compilations = Compilations()
    with pytest.raises(ValueError, match="no such operation"), compilations.measure():
        raise ValueError("no such operation")
    assert compilations.take() == CompilationCount()
