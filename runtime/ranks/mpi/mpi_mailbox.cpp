// The mailbox over MPI: the one file that knows MPI, a library of its own.
//
// A thread of its own sends and receives, since the others are in long products when a letter comes. It sleeps between
// looks, the longer the less there is to see: each look takes the core from those products.
#include <mpi.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <deque>
#include <list>
#include <mutex>
#include <thread>

#include "runtime/ranks/mpi_plugin.h"

namespace stemma {
namespace {

constexpr size_t most_waiting = size_t{256} << 20;  // bytes, beyond which post waits
constexpr size_t piece = size_t{1} << 28;           // bytes of one MPI letter
constexpr std::chrono::microseconds shortest_sleep(200), longest_sleep(4000);

struct Header {
  int64_t number;
  uint64_t values, text;  // bytes
  int32_t kind;
};
enum Tag : int { header_tag, values_tag, text_tag };

class MpiMailbox final : public Mailbox {
 public:
  MpiMailbox() {
    MPI_Comm_rank(MPI_COMM_WORLD, &rank_);
    MPI_Comm_size(MPI_COMM_WORLD, &size_);
    MPI_Comm machine;
    MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, rank_, MPI_INFO_NULL, &machine);
    MPI_Comm_size(machine, &here_);
    MPI_Comm_free(&machine);
    thread_ = std::thread([this] { run(); });
  }
  ~MpiMailbox() override {
    {
      const std::lock_guard lock(mutex_);
      closing_ = true;
    }
    posted_.notify_one();
    thread_.join();
    MPI_Finalize();
  }

  int rank() const override { return rank_; }
  int size() const override { return size_; }
  int here() const override { return here_; }

  void post(int to, Letter letter) override {
    std::unique_lock lock(mutex_);
    left_.wait(lock, [&] { return outbox_bytes_ < most_waiting; });
    outbox_bytes_ += bytes_of(letter);
    outbox_.emplace_back(to, std::move(letter));
    posted_.notify_one();
  }
  bool take(Letter& letter) override {
    const std::lock_guard lock(mutex_);
    if (inbox_.empty()) return false;
    letter = std::move(inbox_.front());
    inbox_.pop_front();
    return true;
  }

 private:
  struct Sending {
    Header header;
    Letter letter;
    std::vector<MPI_Request> requests;
  };

  static size_t bytes_of(const Letter& letter) { return letter.values.size() * sizeof(float) + letter.text.size(); }

  void run() {
    for (auto sleep = shortest_sleep;;) {
      const bool last = closing_;
      const bool busy = send_new() | receive() | forget_sent();
      if (last && !busy && sending_.empty()) return;
      if (busy) {
        sleep = shortest_sleep;
      } else if (!sending_.empty()) {
        std::this_thread::yield();  // a long letter moves only while both sides look
      } else {
        std::unique_lock lock(mutex_);
        posted_.wait_for(lock, sleep, [&] { return !outbox_.empty() || closing_; });
        sleep = std::min(2 * sleep, longest_sleep);
      }
    }
  }

  bool send_new() {
    std::deque<std::pair<int, Letter>> posted;
    {
      const std::lock_guard lock(mutex_);
      posted.swap(outbox_);
    }
    for (auto& [to, letter] : posted) {
      Sending& s = sending_.emplace_back();
      s.letter = std::move(letter);
      s.header = {s.letter.number, s.letter.values.size() * sizeof(float), s.letter.text.size(), s.letter.kind};
      send(s, &s.header, sizeof s.header, to, header_tag);
      send(s, s.letter.values.data(), s.header.values, to, values_tag);
      send(s, s.letter.text.data(), s.header.text, to, text_tag);
    }
    return !posted.empty();
  }
  static void send(Sending& s, const void* from, size_t bytes, int to, int tag) {
    for (size_t at = 0; at < bytes; at += piece)
      MPI_Isend(static_cast<const char*>(from) + at, static_cast<int>(std::min(piece, bytes - at)), MPI_BYTE, to, tag,
                MPI_COMM_WORLD, &s.requests.emplace_back());
  }

  bool forget_sent() {
    bool any = false;
    for (auto s = sending_.begin(); s != sending_.end();) {
      int done = 0;
      MPI_Testall(static_cast<int>(s->requests.size()), s->requests.data(), &done, MPI_STATUSES_IGNORE);
      if (!done) {
        ++s;
        continue;
      }
      {
        const std::lock_guard lock(mutex_);
        outbox_bytes_ -= bytes_of(s->letter);
      }
      left_.notify_all();
      s = sending_.erase(s);
      any = true;
    }
    return any;
  }

  bool receive() {
    int there = 0;
    MPI_Status status;
    MPI_Iprobe(MPI_ANY_SOURCE, header_tag, MPI_COMM_WORLD, &there, &status);
    if (!there) return false;
    Header header;
    Letter letter;
    letter.from = status.MPI_SOURCE;
    receive(&header, sizeof header, letter.from, header_tag);
    letter.kind = header.kind;
    letter.number = header.number;
    letter.values.resize(header.values / sizeof(float));
    letter.text.resize(header.text);
    receive(letter.values.data(), header.values, letter.from, values_tag);
    receive(letter.text.data(), header.text, letter.from, text_tag);
    const std::lock_guard lock(mutex_);
    inbox_.push_back(std::move(letter));
    return true;
  }
  static void receive(void* to, size_t bytes, int from, int tag) {
    for (size_t at = 0; at < bytes; at += piece)
      MPI_Recv(static_cast<char*>(to) + at, static_cast<int>(std::min(piece, bytes - at)), MPI_BYTE, from, tag,
               MPI_COMM_WORLD, MPI_STATUS_IGNORE);
  }

  int rank_ = 0, size_ = 1, here_ = 1;
  std::mutex mutex_;
  std::condition_variable left_, posted_;
  std::deque<std::pair<int, Letter>> outbox_;
  std::deque<Letter> inbox_;
  size_t outbox_bytes_ = 0;
  std::list<Sending> sending_;  // the thread's own
  std::atomic<bool> closing_ = false;
  std::thread thread_;
};

}  // namespace
}  // namespace stemma

int stemma_mpi_abi() { return stemma::mpi_plugin_abi; }

stemma::Mailbox* stemma_mpi_create(char* why, size_t why_bytes) {
  try {
    int provided = MPI_THREAD_SINGLE;
    if (MPI_Init_thread(nullptr, nullptr, MPI_THREAD_SERIALIZED, &provided) != MPI_SUCCESS ||
        provided < MPI_THREAD_SERIALIZED) {
      std::snprintf(why, why_bytes, "this MPI takes no calls from a second thread");
      return nullptr;
    }
    return new stemma::MpiMailbox();
  } catch (const std::exception& error) {
    std::snprintf(why, why_bytes, "%s", error.what());
    return nullptr;
  }
}
