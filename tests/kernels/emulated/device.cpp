// Runs the blocks of a launch one by one, and each thread of a block until it has to wait. From launch to launch the
// order of blocks and threads is forward, backward or shuffled, so that what depends on it comes out differently. Where
// CUDA would be undefined (threads of a block at different barriers, lanes that are missing) the program ends with a
// sentence. The shared memory that a launch asks for starts as NaN.
#include <sanitizer/asan_interface.h>
#include <ucontext.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <numeric>
#include <random>
#include <utility>

#include "tests/kernels/emulated/include/cuda_runtime.h"

namespace stemma::cuda {
thread_local float4 memory[emulated::most_shared / sizeof(float4)];  // what a launch asks for
}

namespace emulated {
namespace {

constexpr size_t stack_bytes = 128 << 10;

// Where threads wait for each other: until `turn` has changed.
struct Meeting {
  int arrived = 0;
  uint64_t turn = 0;
  bool any = false, told = false;
  Place place;

  void end() { arrived = 0, told = std::exchange(any, false), ++turn; }
};
struct Warp {
  Meeting meeting;
  Slot slots[2][lanes];  // those of a turn stay while the next one's are written
  bool whole = true;
};
using Mark = void* [5];  // a place on a stack, of __builtin_setjmp
struct Thread {
  std::unique_ptr<std::byte[]> stack;  // its bottom is where the thread of one block becomes that of the next
  Mark mark;
  const Meeting* waits_for = nullptr;
  uint64_t since = 0;
  bool running = false;
};

Mark scheduler;
Thread threads[1024];
Warp warps[1024 / lanes];
Meeting barrier;
int alive = 0;  // threads of the block that have not ended
const std::function<void()>* kernel = nullptr;
uint64_t launches = 0;
std::mt19937 generator(1);

[[noreturn]] void fail(const char* what, Place place, Place other) {
  std::fprintf(stderr, "emulated kernel: %s: block (%u, %u), thread %u at %s:%u, others at %s:%u\n", what, blockIdx.x,
               blockIdx.y, threadIdx.x, place.file_name(), place.line(), other.file_name(), other.line());
  std::abort();
}

// These leave one stack for another: the compiler may assume nothing of them, and AddressSanitizer need not know.
[[noreturn, gnu::noipa, gnu::no_sanitize("address")]] void jump(Mark& to) { __builtin_longjmp(to, 1); }
[[noreturn]] void jump(const ucontext_t& to) {
  setcontext(&to);
  std::abort();
}
template <class To>
[[gnu::noipa, gnu::no_sanitize("address")]] void change(Mark& from, To& to) {
  if (__builtin_setjmp(from) == 0) jump(to);
}

void run_thread() {
  for (;;) {
    (*kernel)();
    Warp& warp = warps[threadIdx.x / lanes];
    if (warp.meeting.arrived) fail("a thread ends that its warp waits for", {}, warp.meeting.place);
    warp.whole = false;
    threads[threadIdx.x].running = false;
    if (--alive == barrier.arrived && alive) barrier.end();
    change(threads[threadIdx.x].mark, scheduler);
  }
}

void go_on(Thread& thread) {
  if (thread.stack) return change(scheduler, thread.mark);
  thread.stack = std::make_unique_for_overwrite<std::byte[]>(stack_bytes);
  ucontext_t context;
  getcontext(&context);
  context.uc_stack = {thread.stack.get(), 0, stack_bytes};
  makecontext(&context, run_thread, 0);
  change(scheduler, context);
}

// The last of `all` ends the meeting; the others wait.
void meet(Meeting& meeting, int all, const char* apart, Place place) {
  if (meeting.arrived++ == 0) meeting.place = place;
  if (meeting.place.line() != place.line() || std::strcmp(meeting.place.file_name(), place.file_name()) != 0)
    fail(apart, place, meeting.place);
  if (meeting.arrived == all) return meeting.end();
  Thread& thread = threads[threadIdx.x];
  thread.waits_for = &meeting, thread.since = meeting.turn;
  change(thread.mark, scheduler);
  thread.waits_for = nullptr;
}

std::vector<unsigned> in_some_order(unsigned count) {
  std::vector<unsigned> order(count);
  std::iota(order.begin(), order.end(), 0);
  if (launches % 3 == 1) std::reverse(order.begin(), order.end());
  if (launches % 3 == 2) std::shuffle(order.begin(), order.end(), generator);
  return order;
}

void run_block(const std::vector<unsigned>& order) {
  alive = static_cast<int>(order.size());
  barrier = {};
  for (Warp& warp : warps) warp.meeting = {}, warp.whole = true;
  for (const unsigned t : order) threads[t].running = true;
  while (alive) {
    bool moved = false;
    for (const unsigned t : order) {
      Thread& thread = threads[t];
      if (!thread.running || (thread.waits_for && thread.waits_for->turn == thread.since)) continue;
      threadIdx = {t, 0, 0};
      go_on(thread);
      moved = true;
    }
    if (!moved) fail("the threads of a block wait for each other", {}, barrier.place);
  }
}

}  // namespace

void launch(dim3 grid, unsigned count, size_t shared, const std::function<void()>& thread) {
  auto* memory = reinterpret_cast<std::byte*>(stemma::cuda::memory);
  kernel = &thread, gridDim = grid, blockDim = dim3(count);
  ++launches;
  const auto order = in_some_order(count);
  ASAN_POISON_MEMORY_REGION(memory + shared, most_shared - shared);
  for (const unsigned block : in_some_order(grid.x * grid.y)) {
    blockIdx = {block % grid.x, block / grid.x, 0};
    std::memset(memory, 0xff, shared);
    run_block(order);
  }
  ASAN_UNPOISON_MEMORY_REGION(memory, most_shared);
}

bool block_barrier(bool value, Place place) {
  barrier.any |= value;
  meet(barrier, alive, "threads of a block are at different barriers", place);
  return barrier.told;
}

const Slot* warp_exchange(unsigned mask, Slot own, Place place) {
  Warp& warp = warps[threadIdx.x / lanes];
  if (mask != ~0u || !warp.whole || (threadIdx.x | (lanes - 1)) >= blockDim.x)
    fail("lanes of the mask are not there, or the mask leaves some out", place, {});
  Slot* slots = warp.slots[warp.meeting.turn % 2];
  slots[threadIdx.x % lanes] = own;
  meet(warp.meeting, lanes, "lanes of a warp are at different exchanges", place);
  return slots;
}

}  // namespace emulated
