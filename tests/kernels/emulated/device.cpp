// Runs the blocks of a launch one by one, each thread of a block a fiber that goes on until it has to wait. From launch
// to launch the order of blocks and threads is forward, backward or shuffled, so that what depends on it comes out
// differently. Where CUDA would be undefined (threads of one block at different barriers, lanes that are missing) the
// program ends with a sentence. Shared memory starts as NaN.
#include <cuda_runtime.h>

#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <mutex>
#include <numeric>
#include <random>
#include <vector>

#include "tests/kernels/emulated/fiber.h"
#include "tests/kernels/emulated/sanitizers.h"

namespace stemma::cuda {
thread_local float4 memory[227 * 1024 / sizeof(float4)];  // dynamic shared memory: an H100's
}

namespace emulated {
namespace {

constexpr int lanes = 32, most_threads = 1024, usual_shared = 48 * 1024;

[[noreturn]] void fail(const char* what, Place place, Place other = {}) {
  std::fprintf(stderr, "emulated kernel: %s: block (%u, %u), thread %u at %s:%u", what, blockIdx.x, blockIdx.y,
               threadIdx.x, place.file_name(), place.line());
  if (other.line()) std::fprintf(stderr, ", others at %s:%u", other.file_name(), other.line());
  std::fprintf(stderr, "\n");
  std::abort();
}

// Threads that wait go on when `turn` has changed.
struct Meeting {
  int arrived = 0;
  uint64_t turn = 0;
  bool any = false, told = false;
  Place place;

  void end() { arrived = 0, told = any, any = false, ++turn; }
};
struct Warp {
  Meeting meeting;
  Slot slots[2][lanes];  // those of a turn stay while the next one's are written
  int ended = 0;
};
struct Thread {
  std::unique_ptr<Fiber> fiber;
  const Meeting* waits_for = nullptr;
  uint64_t since = 0;
  bool running = false;
};

struct Device {
  std::mutex one_launch;
  Fiber scheduler;
  Thread threads[most_threads];
  Warp warps[most_threads / lanes];
  Meeting barrier;
  const std::function<void()>* kernel = nullptr;
  int alive = 0;
  uint64_t launches = 0;
  std::mt19937 random{1};
  std::map<const void*, int> shared_allowed;
} device;

Thread& self() { return device.threads[threadIdx.x]; }
Warp& own_warp() { return device.warps[threadIdx.x / lanes]; }

void wait(const Meeting& meeting) {
  Thread& thread = self();
  thread.waits_for = &meeting;
  thread.since = meeting.turn;
  thread.fiber->switch_to(device.scheduler);
  thread.waits_for = nullptr;
}

// Whether the caller was the last of `all`; otherwise it has waited.
bool meet(Meeting& meeting, int all, bool value, const char* apart, Place place) {
  if (meeting.arrived++ == 0) meeting.place = place;
  const char *file = place.file_name(), *first = meeting.place.file_name();
  if (meeting.place.line() != place.line() || (file != first && std::strcmp(file, first) != 0))
    fail(apart, place, meeting.place);
  meeting.any |= value;
  if (meeting.arrived < all) return wait(meeting), false;
  meeting.end();
  return true;
}

void run_thread(void* argument) {
  auto& thread = *static_cast<Thread*>(argument);
  for (;;) {
    acquire(&device.launches);
    (*device.kernel)();
    release(&device.launches);
    thread.running = false;
    --device.alive;
    if (Warp& warp = own_warp(); ++warp.ended, warp.meeting.arrived > 0)
      fail("a thread ends that its warp waits for", warp.meeting.place);
    if (Meeting& barrier = device.barrier; barrier.arrived > 0 && barrier.arrived == device.alive) barrier.end();
    thread.fiber->switch_to(device.scheduler);
  }
}

void put_in_order(std::vector<unsigned>& order) {
  const auto kind = device.launches % 3;
  if (kind == 1) std::reverse(order.begin(), order.end());
  if (kind == 2) std::shuffle(order.begin(), order.end(), device.random);
}

void run_block(std::vector<unsigned>& order) {
  Device& d = device;
  d.alive = static_cast<int>(order.size());
  d.barrier = {};
  for (Warp& warp : d.warps) warp.meeting = {}, warp.ended = 0;
  std::iota(order.begin(), order.end(), 0);
  put_in_order(order);
  for (const unsigned t : order) {
    Thread& thread = d.threads[t];
    if (!thread.fiber) thread.fiber = std::make_unique<Fiber>(run_thread, &thread);
    thread.running = true;
  }
  release(&d.launches);
  while (d.alive > 0) {
    bool moved = false;
    for (const unsigned t : order) {
      Thread& thread = d.threads[t];
      if (!thread.running || (thread.waits_for && thread.waits_for->turn == thread.since)) continue;
      threadIdx = {t, 0, 0};
      d.scheduler.switch_to(*thread.fiber);
      moved = true;
    }
    if (!moved) fail("the threads of a block wait for each other", d.barrier.place);
  }
  acquire(&d.launches);
}

void run_grid(dim3 grid, unsigned threads, size_t shared, const std::function<void()>& kernel) {
  Device& d = device;
  const std::scoped_lock alone(d.one_launch);
  const DeviceMemoryOpen open;
  d.scheduler.adopt_thread();
  d.kernel = &kernel;
  gridDim = grid;
  blockDim = dim3(threads);
  ++d.launches;
  std::vector<unsigned> blocks(grid.x * grid.y), order(threads);
  std::iota(blocks.begin(), blocks.end(), 0);
  put_in_order(blocks);
  forbid(reinterpret_cast<char*>(stemma::cuda::memory) + shared, sizeof(stemma::cuda::memory) - shared);
  for (const unsigned block : blocks) {
    blockIdx = {block % grid.x, block / grid.x, 0};
    std::memset(stemma::cuda::memory, 0xff, shared);
    run_block(order);
  }
  allow(stemma::cuda::memory, sizeof(stemma::cuda::memory));
}

}  // namespace

bool block_barrier(bool value, Place place) {
  Meeting& barrier = device.barrier;
  release(&barrier);
  meet(barrier, device.alive, value, "threads of a block are at different barriers", place);
  acquire(&barrier);
  return barrier.told;
}

const Slot* warp_exchange(unsigned mask, Slot own, Place place) {
  Warp& warp = own_warp();
  if (mask != ~0u) fail("only whole warps exchange values here", place);
  if (warp.ended || (threadIdx.x | (lanes - 1)) >= blockDim.x) fail("lanes of the mask are not there", place);
  Slot* slots = warp.slots[warp.meeting.turn % 2];
  slots[threadIdx.x % lanes] = own;
  meet(warp.meeting, lanes, false, "lanes of a warp are at different exchanges", place);
  return slots;
}

void warp_barrier(unsigned mask, Place place) {
  Warp& warp = own_warp();
  release(&warp);
  warp_exchange(mask, {}, place);
  acquire(&warp);
}

// What CUDA would refuse to start is refused here.
cudaError_t launch(const cudaLaunchConfig_t& config, const void* kernel, std::function<void()> thread) {
  const dim3 grid = config.gridDim, block = config.blockDim;
  const auto allowed = device.shared_allowed.find(kernel);
  const size_t most = allowed == device.shared_allowed.end() ? usual_shared : static_cast<size_t>(allowed->second);
  if (grid.x == 0 || grid.y == 0 || grid.z != 1 || grid.x > 0x7fffffff || grid.y > 65535 || block.x == 0 ||
      block.x > most_threads || block.y != 1 || block.z != 1)
    return cudaErrorInvalidConfiguration;
  if (config.dynamicSmemBytes > most) return cudaErrorInvalidValue;
  queue(config.stream, [grid, block, shared = config.dynamicSmemBytes, thread = std::move(thread)] {
    run_grid(grid, block.x, shared, thread);
  });
  return cudaSuccess;
}

cudaError_t allow_shared_memory(const void* kernel, int bytes) {
  if (bytes < 0 || static_cast<size_t>(bytes) > sizeof(stemma::cuda::memory)) return cudaErrorInvalidValue;
  device.shared_allowed[kernel] = bytes;
  return cudaSuccess;
}

}  // namespace emulated
