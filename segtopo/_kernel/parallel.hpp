#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace segtopo {

/// Calls task(i) for i in [0, count) on up to num_threads threads, which live no longer than the call.
/// The first exception that a task throws stops the hand-out of tasks and is thrown here.
template <class Task> void parallel_for(std::int64_t count, int num_threads, Task&& task) {
  const auto workers = static_cast<int>(std::min<std::int64_t>(count, num_threads));
  if (workers <= 1) {
    for (std::int64_t i = 0; i < count; ++i) task(i);
    return;
  }
  std::atomic<std::int64_t> next{0};
  std::exception_ptr failure;
  std::mutex failure_lock;
  auto work = [&] {
    try {
      for (std::int64_t i; (i = next.fetch_add(1)) < count;) task(i);
    } catch (...) {
      const std::lock_guard guard(failure_lock);
      if (!failure) failure = std::current_exception();
      next = count;
    }
  };
  std::vector<std::jthread> threads;
  for (int t = 1; t < workers; ++t) threads.emplace_back(work);
  work();
  threads.clear(); // joins
  if (failure) std::rethrow_exception(failure);
}

} // namespace segtopo
