#pragma once

#include "common/index.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <type_traits>
#include <vector>

namespace segtopo {

/// Thrown by a computation that was asked to stop.
struct Cancelled : std::exception {
  const char* what() const noexcept override { return "the computation was cancelled"; }
};

/// Set by another thread to stop a computation.
using StopFlag = std::atomic<bool>;

/// The number of threads of a computation and the flag that stops it.
struct Execution {
  int num_threads = 1;
  const StopFlag* stop = nullptr; ///< outlives the computation; null: the computation always runs to its end

  void throw_if_cancelled() const {
    if (stop && stop->load(std::memory_order_relaxed)) throw Cancelled();
  }
};

/// Threads that are joined at the end of the scope. (std::jthread is missing in some standard libraries.)
class JoinedThreads {
public:
  JoinedThreads() = default;
  JoinedThreads(const JoinedThreads&) = delete;
  JoinedThreads& operator=(const JoinedThreads&) = delete;
  ~JoinedThreads() {
    for (std::thread& thread : threads_) thread.join();
  }

  template <class... Arguments> void start(Arguments&&... arguments) {
    threads_.emplace_back(std::forward<Arguments>(arguments)...);
  }

private:
  std::vector<std::thread> threads_;
};

/// Calls task(i), or task(i, worker) with the number of the thread, for each i in [0, count).
///
/// The threads are started and joined within the call. If a task throws or the computation is cancelled, no further
/// tasks start, and the first exception is thrown to the caller.
template <class Task> void parallel_for(Index count, const Execution& execution, Task&& task) {
  const Index workers = std::max<Index>(1, std::min<Index>(count, execution.num_threads));
  const Index tasks_each = (count + workers - 1) / workers;
  std::atomic<Index> next{0};
  std::exception_ptr failure;
  std::mutex failure_lock;

  auto work = [&](Index worker) {
    try {
      for (Index turn; (turn = next.fetch_add(1)) < workers * tasks_each;) {
        // Tasks that run at the same time are far apart: threads that touch neighbouring new pages wait for each other.
        const Index i = turn % workers * tasks_each + turn / workers;
        if (i >= count) continue;
        execution.throw_if_cancelled();
        if constexpr (std::is_invocable_v<Task, Index, Index>)
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
    JoinedThreads threads;
    for (Index worker = 1; worker < workers; ++worker) threads.start(work, worker);
    work(0);
  }
  if (failure) std::rethrow_exception(failure);
}

/// Calls the tasks at the same time, each as task(share) with an equal share of the threads.
template <class... Tasks> void run_side_by_side(const Execution& execution, const Tasks&... tasks) {
  constexpr int count = sizeof...(tasks);
  const std::array<std::function<void(const Execution&)>, count> calls{std::cref(tasks)...};
  const Execution share{std::max(1, execution.num_threads / count), execution.stop};
  parallel_for(count, execution, [&](Index i) { calls[static_cast<std::size_t>(i)](share); });
}

/// The numbers begin .. end-1.
struct Range {
  Index begin, end;
};

/// Cuts [0, size) into ranges of at least `least` numbers, enough ranges to keep all threads busy until the end.
inline std::vector<Range> split(Index size, Index least, const Execution& execution) {
  constexpr Index ranges_per_thread = 16;
  const Index count = std::clamp<Index>(size / least, 1, ranges_per_thread * execution.num_threads);
  std::vector<Range> ranges;
  for (Index i = 0; i < count; ++i) ranges.push_back({size * i / count, size * (i + 1) / count});
  return ranges;
}

} // namespace segtopo
