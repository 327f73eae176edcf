"""`Claim`: keeps a second run out of a dataset that one is writing to, before it costs anything, and forgets dead ones.

It is advice: what keeps the data right is that only one run can create a version (`pipeline.dataset.versions`).
"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import json
import logging
import os
import socket
import threading
import time

from apache_beam.io.filesystems import FileSystems
from apache_beam.options.pipeline_options import PipelineOptions

from albert_embed.pipeline.commit.runner_job import RunnerJob
from albert_embed.pipeline.commit.staging import list_staged
from albert_embed.pipeline.dataset.layout import CLAIM_FILE
from albert_embed.pipeline.storage.output_error import OutputError
from albert_embed.pipeline.writers.check_writable import check_writable
from albert_embed.transforms.files.create_file import create_file
from albert_embed.transforms.files.directories import is_remote, read_file, write_file_atomically
from albert_embed.transforms.files.literal_files import delete_files

logger = logging.getLogger(__name__)

_BEAT_SECONDS = 20.0
# A program that lives renews its claim on a bucket every 20 seconds.
_DEAD_AFTER_SECONDS = 120.0
# A job that nobody can be asked about lives as long as it writes: a shard is finished after 300 seconds at the latest.
_QUIET_JOB_SECONDS = 1800.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class Claimant:
    """Who has claimed a dataset: the content of `_claim.json`.

    Attributes:
      run: the name of the run.
      host, pid: where the program runs that has started it.
      renewed: when that program said last that it lives, seconds since 1970.
      runner, job_id: the job that goes on when that program ends; empty where there is none. With a runner alone that
        program was about to submit one.
    """

    run: str
    host: str
    pid: int
    renewed: float
    runner: str = ""
    job_id: str = ""

    @property
    def job(self) -> RunnerJob | None:
        """The job of the run, if it has one."""
        return RunnerJob(runner=self.runner, job_id=self.job_id) if self.job_id else None

    def to_json(self) -> bytes:
        """Returns one line of JSON."""
        return json.dumps(dataclasses.asdict(self)).encode()

    @staticmethod
    def from_json(content: bytes) -> Claimant | None:
        """Reads what `to_json` wrote; None where it is something else, such as half of it."""
        try:
            return Claimant(**json.loads(content))
        except (ValueError, TypeError):
            return None

    def describe(self) -> str:
        """Returns who it is, for people."""
        if self.job_id:
            return f"the job {self.job_id} on {self.runner}"
        process = f"process {self.pid} on {self.host}"
        return f"{process}, which was submitting a job to {self.runner}" if self.runner else process


class Claim:
    """The claim of one run on a dataset, from `acquire` until it is released, or the process ends.

    On a local file system the file is locked by `flock`, which the operating system releases when the process dies,
    however it dies. Anywhere else a thread renews the file every 20 seconds. Where the run has a job on a runner that
    goes on without this program, the claim holds until that job has ended.

    Args:
      directory: the dataset's, on any file system that Beam knows.
      run: the name of the run.
      named: what names the directory on the command line.
    """

    def __init__(self, directory: str, run: str, *, named: str = "--output") -> None:
        self._directory = directory
        self._named = named
        self._path = FileSystems.join(directory, CLAIM_FILE)
        self._claimant = Claimant(run=run, host=socket.gethostname(), pid=os.getpid(), renewed=time.time())
        self._descriptor: int | None = None
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def acquire(self, beam_options: PipelineOptions) -> None:
        """Claims the dataset.

        Args:
          beam_options: say where the runner is, which is asked about the job of a run before.

        Raises:
          OutputError: if a run that is alive has claimed it; the message says which.
        """
        if is_remote(self._directory):
            self._take_over(beam_options)
            self._thread = threading.Thread(target=self._keep_renewing, name="Claim", daemon=True)
            self._thread.start()
            return
        try:
            self._descriptor = self._lock_file()
        except OSError as e:
            raise OutputError(
                f"{self._directory} can't be written: {e.strerror or e}; give a directory, new or your own, on a file "
                "system with room"
            ) from e
        try:
            self._refuse_if_alive(Claimant.from_json(os.pread(self._descriptor, 1 << 16, 0)), beam_options, beats=False)
        except BaseException:
            os.close(self._descriptor)
            self._descriptor = None
            raise
        self._renew()

    def check(self, beam_options: PipelineOptions) -> None:
        """Checks whether the dataset could be claimed now; writes nothing.

        Args:
          beam_options: as in `acquire`.

        Raises:
          OutputError: if a run that is alive has claimed it.
        """
        if is_remote(self._directory):
            self._refuse_if_alive(read_claimant(self._directory), beam_options, beats=True)
            return
        try:
            descriptor = os.open(self._path, os.O_RDONLY)
        except (FileNotFoundError, NotADirectoryError):
            return
        try:
            claimant = Claimant.from_json(os.pread(descriptor, 1 << 16, 0))
            try:
                fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)  # for an instant, beside other such checks
            except BlockingIOError as e:
                raise self._refuse(claimant) from e
            self._refuse_if_alive(claimant, beam_options, beats=False)
        finally:
            os.close(descriptor)

    def note_submission(self, runner: str) -> None:
        """Adds that a job is about to be submitted: from now on there may be one, even if this program dies at once."""
        self._claimant = dataclasses.replace(self._claimant, runner=runner)
        self._renew()

    def note_job(self, job: RunnerJob) -> None:
        """Adds the job of the run, which now keeps the claim alive too."""
        self._claimant = dataclasses.replace(self._claimant, runner=job.runner, job_id=job.job_id)
        self._renew()

    def release(self) -> None:
        """Releases the claim and removes its file; nothing happens where it is not held."""
        if self._descriptor is not None:
            with contextlib.suppress(FileNotFoundError):  # the job has released it
                if self._is_in_place(self._descriptor):
                    os.unlink(self._path)
        elif self._thread is not None:
            self._stop_renewing()
            release_claim(self._directory, self._claimant.run)
        self.leave()

    def leave(self) -> None:
        """Leaves the claim to the job of the run, which releases it when it publishes."""
        self._stop_renewing()
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _stop_renewing(self) -> None:
        if self._thread is not None:
            self._stopped.set()
            self._thread.join()
            self._thread = None

    def _take_over(self, beam_options: PipelineOptions) -> None:
        """Writes the claim where there is none, or that of a dead run; of several that find none only one can."""
        before = read_claimant(self._directory)
        self._claimant = dataclasses.replace(self._claimant, renewed=time.time())
        if before is None and create_file(self._path, self._claimant.to_json()):
            return
        self._refuse_if_alive(before or read_claimant(self._directory), beam_options, beats=True)
        self._renew()

    def _lock_file(self) -> int:
        check_writable(self._directory, named=self._named)
        os.makedirs(self._directory, exist_ok=True)
        while True:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as e:
                claimant = Claimant.from_json(os.pread(descriptor, 1 << 16, 0))
                os.close(descriptor)
                raise self._refuse(claimant) from e
            # The run before may have removed the file between the two calls: then this lock is of no file.
            if self._is_in_place(descriptor):
                return descriptor
            os.close(descriptor)

    def _is_in_place(self, descriptor: int) -> bool:
        try:
            return os.stat(self._path).st_ino == os.fstat(descriptor).st_ino
        except FileNotFoundError:
            return False

    def _keep_renewing(self) -> None:
        while not self._stopped.wait(_BEAT_SECONDS):
            try:
                holder = read_claimant(self._directory)
                if holder is not None and holder.run != self._claimant.run:  # this program stood still for minutes
                    logger.warning("%s has been claimed by another run (%s)", self._directory, holder.describe())
                    return
                self._renew()
            except Exception:  # if it lasts, the run's own writes fail; a later renewal may succeed
                logger.warning("could not renew the claim %s", self._path, exc_info=True)

    def _renew(self) -> None:
        self._claimant = dataclasses.replace(self._claimant, renewed=time.time())
        content = self._claimant.to_json()
        if self._descriptor is None:
            write_file_atomically(self._path, content)
        else:
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, content, 0)

    def _refuse_if_alive(self, before: Claimant | None, beam_options: PipelineOptions, *, beats: bool) -> None:
        if before is None or before.run == self._claimant.run:
            return
        if beats and time.time() - before.renewed < _DEAD_AFTER_SECONDS:
            raise self._refuse(before)
        if not before.runner:
            return
        alive = None if before.job is None else before.job.is_alive(beam_options)
        if alive or (alive is None and self._has_written_lately(before)):
            raise self._refuse(before, known=alive is not None)

    def _has_written_lately(self, claimant: Claimant) -> bool:
        files = list_staged(self._directory).get(claimant.run, [])
        last = max((file.modified for file in files), default=0.0)
        return time.time() - max(last, claimant.renewed) < _QUIET_JOB_SECONDS

    def _refuse(self, claimant: Claimant | None, *, known: bool = True) -> OutputError:
        who = "another process" if claimant is None else claimant.describe()
        unless = "" if known else f". Nobody can be asked whether it is alive; if it is not, remove {self._path}"
        return OutputError(
            f"{self._directory} is being written by another run ({who}); wait for it to end, or give another --output"
            f"{unless}"
        )


def read_claimant(directory: str) -> Claimant | None:
    """Returns who has claimed a dataset, alive or not; None if nobody has."""
    try:
        return Claimant.from_json(read_file(FileSystems.join(directory, CLAIM_FILE)))
    except FileNotFoundError:
        return None


def release_claim(directory: str, run: str) -> None:
    """Removes the claim on a dataset if it is that of `run`."""
    claimant = read_claimant(directory)
    if claimant is not None and claimant.run == run:
        delete_files([FileSystems.join(directory, CLAIM_FILE)])
