#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <exception>
#include <mutex>
#include <stop_token>
#include <thread>
#include <type_traits>
#include <vector>

namespace segtopo {

/// A computation was asked to stop before its end.
struct Cancelled : std::exception {
  const char* what() const noexcept override { return "the computation was cancelled"; }
};

/// How a computation runs: on how many threads, and until when.
struct Execution {
  int num_threads = 1;
  std::stop_token stop = {};

  void throw_if_cancelled() const {
    if (stop.stop_requested()) throw Cancelled();
  }
};

/// Calls task(i), or task(i, worker) with the number of the thread, for i in [0, count) on the threads of the
/// execution, which live no longer than the call. The first exception that a task throws stops the hand-out of tasks
/// and is thrown here, as is a cancellation.
template <class Task> void parallel_for(std::int64_t count, const Execution& execution, Task&& task) {
  const std::int64_t workers = std::max<std::int64_t>(1, std::min<std::int64_t>(count, execution.num_threads));
  const std::int64_t tasks_each = (count + workers - 1) / workers;
  std::atomic<std::int64_t> next{0};
  std::exception_ptr failure;
  std::mutex failure_lock;

  auto work = [&](std::int64_t worker) {
    try {
      for (std::int64_t turn; (turn = next.fetch_add(1)) < workers * tasks_each;) {
        // Tasks handed out together lie far apart: threads that touch new memory side by side wait for one another.
        const std::int64_t i = turn % workers * tasks_each + turn / workers;
        if (i >= count) continue;
        execution.throw_if_cancelled();
        if constexpr (std::is_invocable_v<Task, std::int64_t, std::int64_t>)
          task(i, worker);
        else
          task(i);
      }
    } catch (...) {
      const std::lock_guard guard(failure_lock);
      if (!failure) failure = std::current_exception();
      next = workers * tasks_each;
    }
  };
  {
    std::vector<std::jthread> threads;
    for (std::int64_t worker = 1; worker < workers; ++worker) threads.emplace_back(work, worker);
    work(0);
  }
  if (failure) std::rethrow_exception(failure);
}

/// The numbers begin .. end-1.
struct Range {
  std::int64_t begin, end;
};

/// Cuts [0, size) into ranges of at least `least` numbers, enough of them for all threads to end at about the same
/// time.
inline std::vector<Range> split(std::int64_t size, std::int64_t least, const Execution& execution) {
  constexpr std::int64_t ranges_per_thread = 16;
  const std::int64_t count = std::clamp<std::int64_t>(size / least, 1, ranges_per_thread * execution.num_threads);
  std::vector<Range> ranges;
  for (std::int64_t i = 0; i < count; ++i) ranges.push_back({size * i / count, size * (i + 1) / count});
  return ranges;
}

} // namespace segtopo
