#pragma once

#include "common/index.hpp"
#include "common/large_memory.hpp"
#include "common/parallel.hpp"

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <chrono>
#include <cstddef>
#include <future>
#include <memory>

namespace segtopo {

namespace nb = nanobind;

/// A column of integers that becomes a NumPy array without a copy.
class Column {
public:
  explicit Column(std::size_t size) : size_(size), values_(std::make_unique<LargeArray<Index>>(size)) {}

  Index& operator[](Index i) { return values_->data()[i]; }

  /// Hands the memory over to NumPy; the column is empty afterwards.
  nb::object to_numpy() {
    Index* data = values_->data();
    nb::capsule owner(values_.release(), [](void* p) noexcept { delete static_cast<LargeArray<Index>*>(p); });
    return nb::ndarray<nb::numpy, Index>(data, {size_}, owner).cast();
  }

private:
  std::size_t size_;
  std::unique_ptr<LargeArray<Index>> values_;
};

/// Runs computation(execution) on a new thread, without the interpreter's lock, and cancels it on a signal (Ctrl-C).
template <class Computation> auto run_interruptibly(int num_threads, Computation&& computation) {
  StopFlag stop{false};
  const nb::gil_scoped_release released;
  auto result = std::async(std::launch::async, [&] { return computation(Execution{num_threads, &stop}); });
  while (result.wait_for(std::chrono::milliseconds(50)) != std::future_status::ready) {
    const nb::gil_scoped_acquire acquired;
    if (PyErr_CheckSignals() == 0) continue;
    stop = true;
    throw nb::python_error(); // the destructor of the future waits for the thread
  }
  return result.get();
}

} // namespace segtopo
