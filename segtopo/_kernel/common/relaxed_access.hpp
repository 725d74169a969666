#pragma once

#include <atomic>

namespace segtopo {

// Atomic access to numbers that several threads read and write, without an order between different numbers.
// Some standard libraries have no std::atomic_ref yet; their compilers have the __atomic functions.

template <class Number> Number load_relaxed(Number& number) {
#ifdef __cpp_lib_atomic_ref
  return std::atomic_ref(number).load(std::memory_order_relaxed);
#else
  return __atomic_load_n(&number, __ATOMIC_RELAXED);
#endif
}

template <class Number> void store_relaxed(Number& number, Number value) {
#ifdef __cpp_lib_atomic_ref
  std::atomic_ref(number).store(value, std::memory_order_relaxed);
#else
  __atomic_store_n(&number, value, __ATOMIC_RELAXED);
#endif
}

} // namespace segtopo
