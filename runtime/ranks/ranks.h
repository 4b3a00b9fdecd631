// The processes (ranks) of one run, and work spread over them. Rank 0 leads: it alone reads and writes what is kept,
// and speaks to the user. Alone, everything happens here and in order, and nothing is sent.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "runtime/progress.h"
#include "runtime/ranks/mailbox.h"

namespace stemma {

class Ranks {
 public:
  Ranks() = default;  // alone
  explicit Ranks(std::unique_ptr<Mailbox> mailbox) : mailbox_(std::move(mailbox)) {}

  int size() const { return mailbox_ ? mailbox_->size() : 1; }
  int here() const { return mailbox_ ? mailbox_->here() : 1; }  // ranks on this machine
  bool alone() const { return size() == 1; }
  bool leads() const { return !mailbox_ || mailbox_->rank() == 0; }

  // Shards [first, last) of some work, handed out one by one in their order to whoever is free, so that a slow rank has
  // fewer of them. Rank 0 takes what each made in the order of the shards, whoever made it and however many ranks there
  // are, so sums that it forms have the same bits.
  struct Pass {
    std::string key;              // of all that the work depends on: another rank's must be the same
    int64_t first = 0, last = 0;  // rank 0's say
    int64_t ahead = 1 << 20;      // shards handed out, at most, past the one that is to be taken next
    // `listen` is to be called often: until rank 0 does, another that has nothing left to do waits for it. It throws
    // where the work is to end.
    std::function<std::vector<float>(int64_t shard, const std::function<void()>& listen)> work;
    std::function<void(int64_t shard, std::vector<float>& made)> take;
  };
  // Throws Error: what `work` or `take` throw, on any rank; cancelled.
  void spread(const Pass& pass, const Control& control);

  // Rank 0's, on every rank.
  void share(std::vector<float>& values, const Control& control);
  void share(std::vector<int32_t>& values, const Control& control);

  // Runs `work` on every rank and ends them together: when one fails or is cancelled all stop, and rank 0 throws that
  // error. The others return 0.
  int together(const std::function<int()>& work);

 private:
  void lead(const Pass& pass, const Control& control);
  void follow(const Pass& pass, const Control& control);
  void share(Letter& letter, const Control& control);
  void grant(int to, int64_t shard);
  int64_t pass() const { return static_cast<int64_t>(keys_.size()); }
  bool hear(Letter& letter);  // throws what another rank's letter says
  Letter wait_for(int32_t kind, const Control& control);
  void end_leading();
  void end_following(int64_t code, const std::string& sentence);

  std::unique_ptr<Mailbox> mailbox_;
  std::vector<std::string> keys_;  // of the passes so far, the same on every rank
  std::deque<Letter> waiting_;     // come before their time
  std::set<int> ended_;
};

}  // namespace stemma
