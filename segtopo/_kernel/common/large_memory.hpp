#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>
#include <vector>

#ifdef __linux__
#include <sys/mman.h>
#endif

namespace segtopo {

/// Allocates large blocks in huge pages (2 MiB) where the system has them. With small pages, the page faults take
/// longer than a pass over the voxels, and the threads wait for each other in the system.
namespace large_memory {

inline constexpr std::size_t page = std::size_t{1} << 21;

inline std::size_t whole_pages(std::size_t bytes) {
  return (bytes + page - 1) / page * page;
}

#ifdef __linux__
inline bool is_paged(std::size_t bytes) {
  return bytes >= page / 2;
}

inline void* map_pages(std::size_t length) {
  void* mapping = mmap(nullptr, length + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapping == MAP_FAILED) throw std::bad_alloc();
  char* const begin = static_cast<char*>(mapping);
  const std::size_t before =
      whole_pages(reinterpret_cast<std::uintptr_t>(begin)) - reinterpret_cast<std::uintptr_t>(begin);
  if (before > 0) munmap(begin, before);
  if (before < page) munmap(begin + before + length, page - before);
  madvise(begin + before, length, MADV_HUGEPAGE);
  return begin + before;
}

inline void unmap_pages(void* data, std::size_t length) {
  munmap(data, length);
}
#else
inline bool is_paged(std::size_t) {
  return false;
}
inline void* map_pages(std::size_t) {
  throw std::bad_alloc();
}
inline void unmap_pages(void*, std::size_t) {}
#endif

inline void* allocate(std::size_t bytes) {
  if (is_paged(bytes)) return map_pages(whole_pages(bytes));
  void* data = std::malloc(bytes);
  if (!data) throw std::bad_alloc();
  return data;
}

/// New pages are zero; a page that is never touched takes no memory.
inline void* allocate_zeros(std::size_t bytes) {
  if (is_paged(bytes)) return allocate(bytes);
  void* data = std::calloc(bytes, 1);
  if (!data) throw std::bad_alloc();
  return data;
}

inline void release(void* data, std::size_t bytes) {
  if (is_paged(bytes))
    unmap_pages(data, whole_pages(bytes));
  else
    std::free(data);
}

} // namespace large_memory

/// An array with one number for each voxel, initially zero.
template <class Number> class LargeArray {
  static_assert(std::is_trivial_v<Number>);

public:
  explicit LargeArray(std::size_t size)
      : numbers_(static_cast<Number*>(large_memory::allocate_zeros(size * sizeof(Number))), {size}) {}

  Number& operator[](std::size_t i) { return numbers_[i]; }
  const Number& operator[](std::size_t i) const { return numbers_[i]; }
  Number* data() { return numbers_.get(); }
  const Number* data() const { return numbers_.get(); }

private:
  struct Release {
    std::size_t size;
    void operator()(Number* numbers) const { large_memory::release(numbers, size * sizeof(Number)); }
  };
  std::unique_ptr<Number[], Release> numbers_;
};

/// The allocator of LargeVector.
template <class T> struct LargeAllocator {
  using value_type = T;

  LargeAllocator() = default;
  template <class Other> LargeAllocator(const LargeAllocator<Other>&) {}

  T* allocate(std::size_t count) { return static_cast<T*>(large_memory::allocate(count * sizeof(T))); }
  void deallocate(T* data, std::size_t count) { large_memory::release(data, count * sizeof(T)); }
  bool operator==(const LargeAllocator&) const { return true; }

  /// Leaves new items of a vector uninitialised. The threads fill them.
  template <class Item> void construct(Item* item) { ::new (static_cast<void*>(item)) Item; }
  template <class Item, class... Arguments> void construct(Item* item, Arguments&&... arguments) {
    ::new (static_cast<void*>(item)) Item(std::forward<Arguments>(arguments)...);
  }
};

/// A vector for items that can be nearly as many as the voxels.
template <class T> using LargeVector = std::vector<T, LargeAllocator<T>>;

} // namespace segtopo
