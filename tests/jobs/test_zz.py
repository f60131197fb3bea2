import collections, time
from tests.jobs.test_model import *
from tests.jobs.test_model import COMMON, FAULTS, machine, timeless, wire
def test_zz(wire):
    C = collections.Counter(); t0=time.time()
    M = machine(wire, FAULTS["cancel flag"])
    class N(M):
        def end(self, held, outcome, delay):
            C["end"] += 1
            if self.rows[held.job].cancel_at: C["cancelled", str(outcome), self.account.owners.get(held.job) == held] += 1
            super().end(held, outcome, delay)
        def settle(self):
            C["settle"] += 1; C["jobs"] += len(self.rows)
            super().settle()
            C["settled"] += 1
    try:
        run_state_machine_as_test(N, settings=settings(COMMON, max_examples=300, derandomize=True, phases=[Phase.generate]))
    except AssertionError as e: print("FOUND", e)
    print(C, time.time()-t0)
