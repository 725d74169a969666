#pragma once

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <new>
#include <type_traits>

#ifdef __linux__
#include <cstdint>
#include <sys/mman.h>
#endif

namespace segtopo {

/// Gives memory back to where it came from.
struct ReleaseMemory {
  void* mapping = nullptr; ///< of pages; null if the memory is the allocator's
  std::size_t length = 0;
  void operator()(void* data) const;
};

/// Memory that is zero, and costs nothing where it is never touched.
///
/// Where the system allows it, it comes in few large pages: small ones take longer to fault than a pass over the
/// voxels, and threads wait for each other there.
class ZeroMemory {
public:
  explicit ZeroMemory(std::size_t bytes);
  void* data() const { return data_.get(); }

private:
  std::unique_ptr<void, ReleaseMemory> data_;
};

#ifdef __linux__

inline ZeroMemory::ZeroMemory(std::size_t bytes) {
  constexpr std::size_t page = std::size_t{1} << 21;
  if (bytes < page / 2) {
    data_.reset(std::calloc(bytes, 1));
    if (!data_) throw std::bad_alloc();
    return;
  }
  const std::size_t whole_pages = (bytes + page - 1) / page * page, length = whole_pages + page;
  void* mapping = mmap(nullptr, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapping == MAP_FAILED) throw std::bad_alloc();
  const auto aligned = (reinterpret_cast<std::uintptr_t>(mapping) + page - 1) / page * page;
  data_ = {reinterpret_cast<void*>(aligned), {mapping, length}};
  madvise(data_.get(), whole_pages, MADV_HUGEPAGE);
}

inline void ReleaseMemory::operator()(void* data) const {
  if (mapping)
    munmap(mapping, length);
  else
    std::free(data);
}

#else

inline ZeroMemory::ZeroMemory(std::size_t bytes) : data_(std::calloc(bytes, 1), {}) {
  if (!data_) throw std::bad_alloc();
}

inline void ReleaseMemory::operator()(void* data) const {
  std::free(data);
}

#endif

/// One number per voxel, zero at first.
template <class Number> class LargeArray {
  static_assert(std::is_trivial_v<Number>);

public:
  explicit LargeArray(std::size_t size) : memory_(size * sizeof(Number)) {}

  Number& operator[](std::size_t i) { return data()[i]; }
  const Number& operator[](std::size_t i) const { return data()[i]; }
  Number* data() { return static_cast<Number*>(memory_.data()); }
  const Number* data() const { return static_cast<const Number*>(memory_.data()); }

private:
  ZeroMemory memory_;
};

} // namespace segtopo
