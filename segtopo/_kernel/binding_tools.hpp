#pragma once

#include "grid.hpp"
#include "large_memory.hpp"
#include "parallel.hpp"

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <chrono>
#include <cstddef>
#include <future>
#include <memory>
#include <stop_token>

namespace segtopo {

namespace nb = nanobind;

/// A NumPy array of integers.
class Column {
public:
  explicit Column(std::size_t size) : size_(size), values_(std::make_unique<LargeArray<Index>>(size)) {}

  Index& operator[](Index i) { return values_->data()[i]; }

  nb::object to_numpy() {
    Index* data = values_->data();
    nb::capsule owner(values_.release(), [](void* p) noexcept { delete static_cast<LargeArray<Index>*>(p); });
    return nb::ndarray<nb::numpy, Index>(data, {size_}, owner).cast();
  }

private:
  std::size_t size_;
  std::unique_ptr<LargeArray<Index>> values_;
};

/// Runs a computation on a thread of its own while this one looks for signals, such as Ctrl-C.
template <class Computation> auto run_interruptibly(int num_threads, Computation&& computation) {
  std::stop_source stop;
  const nb::gil_scoped_release released;
  auto result = std::async(std::launch::async, [&] { return computation(Execution{num_threads, stop.get_token()}); });
  while (result.wait_for(std::chrono::milliseconds(50)) != std::future_status::ready) {
    const nb::gil_scoped_acquire acquired;
    if (PyErr_CheckSignals() == 0) continue;
    stop.request_stop(); // the future waits for the thread when it goes out of scope
    throw nb::python_error();
  }
  return result.get();
}

} // namespace segtopo
