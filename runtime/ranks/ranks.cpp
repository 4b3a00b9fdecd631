#include "runtime/ranks/ranks.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <map>
#include <thread>
#include <utility>

namespace stemma {

namespace {

// ask: number, the pass; text, its key.  granted, made: number, the shard.  ended: number, an ErrorCode or `well`.
enum Kind : int32_t { ask, granted, made, shared, ended, stop, farewell };
constexpr int64_t none = -1, well = -1;

Error other_work(int rank) {
  return Error(
      ErrorCode::does_not_fit,
      fmt::format("rank {} was given other work than rank 0: model, corpus, factors and session must be the same "
                  "files on every machine, and their processors alike",
                  rank));
}

void pause() { std::this_thread::sleep_for(std::chrono::microseconds(300)); }

}  // namespace

void Ranks::spread(const Pass& pass, const Control& control) {
  keys_.push_back(pass.key);
  if (leads())
    lead(pass, control);
  else
    follow(pass, control);
}

void Ranks::lead(const Pass& pass, const Control& control) {
  int64_t next = pass.first, taken = pass.first;
  std::map<int64_t, std::vector<float>> done;
  std::deque<int> asking;
  std::map<int, int> holding;  // shards that another rank was given and has not made
  const auto may_begin = [&] { return next < pass.last && next < taken + pass.ahead; };
  const auto settle = [&] {
    for (auto place = done.find(taken); place != done.end(); place = done.find(taken)) {
      std::vector<float> values = std::move(place->second);
      done.erase(place);
      ++taken;
      pass.take(taken - 1, values);
    }
    // The last ones are for whoever is free first: nobody has one of them in store.
    const auto may_have = [&](int rank) { return may_begin() && (holding[rank] == 0 || pass.last - next > size()); };
    for (const auto now = std::exchange(asking, {}); const int rank : now) {
      if (next == pass.last) {
        grant(rank, none);
      } else if (may_have(rank)) {
        ++holding[rank];
        grant(rank, next++);
      } else {
        asking.push_back(rank);
      }
    }
  };
  const auto answer = [&](Letter& letter) {
    if (letter.kind == made) {
      --holding[letter.from];
      done[letter.number] = std::move(letter.values);
    } else if (letter.number > this->pass()) {
      waiting_.push_back(std::move(letter));
    } else if (letter.text != keys_[static_cast<size_t>(letter.number - 1)]) {
      throw other_work(letter.from);
    } else if (letter.number < this->pass()) {
      grant(letter.from, none);  // it comes late to a pass that is over
    } else {
      asking.push_back(letter.from);
    }
  };
  const auto listen = [&] {
    control.check();
    for (Letter letter; hear(letter);) answer(letter);
    settle();
  };
  for (std::deque<Letter> earlier = std::exchange(waiting_, {}); !earlier.empty(); earlier.pop_front())
    answer(earlier.front());
  while (taken < pass.last) {
    listen();
    if (may_begin()) {
      const int64_t shard = next++;
      done[shard] = pass.work(shard, listen);
      settle();
    } else if (taken < pass.last) {
      pause();
    }
  }
  settle();
}

void Ranks::follow(const Pass& pass, const Control& control) {
  const auto listen = [&] {
    control.check();
    for (Letter letter; hear(letter);) waiting_.push_back(std::move(letter));
  };
  // The next shard is asked for before this one is worked on.
  const auto want = [&] { mailbox_->post(0, {.kind = ask, .number = this->pass(), .text = pass.key}); };
  want();
  for (int64_t shard = wait_for(granted, control).number; shard != none; shard = wait_for(granted, control).number) {
    want();
    mailbox_->post(0, {.kind = made, .number = shard, .values = pass.work(shard, listen)});
  }
}

void Ranks::grant(int to, int64_t shard) { mailbox_->post(to, {.kind = granted, .number = shard}); }

void Ranks::share(Letter& letter, const Control& control) {
  letter.kind = shared;
  letter.number = pass();
  if (leads()) {
    for (int rank = 1; rank < size(); ++rank) mailbox_->post(rank, letter);
    return;
  }
  letter = wait_for(shared, control);
  if (letter.number != pass()) throw other_work(mailbox_->rank());
}

void Ranks::share(std::vector<float>& values, const Control& control) {
  if (alone()) return;
  Letter letter{.values = std::move(values)};
  share(letter, control);
  values = std::move(letter.values);
}

void Ranks::share(std::vector<int32_t>& values, const Control& control) {
  if (alone()) return;
  Letter letter;
  letter.text.assign(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(int32_t));
  share(letter, control);
  values.resize(letter.text.size() / sizeof(int32_t));
  std::memcpy(values.data(), letter.text.data(), values.size() * sizeof(int32_t));
}

bool Ranks::hear(Letter& letter) {
  if (!mailbox_ || !mailbox_->take(letter)) return false;
  if (letter.kind == stop) throw Error(ErrorCode::cancelled, "cancelled");
  if (letter.kind != ended) return true;
  ended_.insert(letter.from);
  if (letter.number == well) return hear(letter);
  const auto code = static_cast<ErrorCode>(letter.number);
  if (code == ErrorCode::cancelled) throw Error(code, "cancelled");
  throw Error(code, fmt::format("rank {} of {}: {}", letter.from, size(), letter.text));
}

Letter Ranks::wait_for(int32_t kind, const Control& control) {
  for (;; pause()) {
    control.check();
    for (Letter letter; hear(letter);) waiting_.push_back(std::move(letter));
    const auto place = std::find_if(waiting_.begin(), waiting_.end(), [&](const Letter& m) { return m.kind == kind; });
    if (place == waiting_.end()) continue;
    Letter letter = std::move(*place);
    waiting_.erase(place);
    return letter;
  }
}

int Ranks::together(const std::function<int()>& work) {
  if (alone()) return work();
  if (leads()) {
    try {
      const int status = work();
      end_leading();
      return status;
    } catch (...) {
      end_leading();
      throw;
    }
  }
  try {
    work();
    end_following(well, "");
  } catch (const Error& error) {
    end_following(static_cast<int64_t>(error.code()), error.what());
  } catch (const std::bad_alloc&) {
    end_following(static_cast<int64_t>(ErrorCode::does_not_fit), "not enough memory; fewer ranks a machine would do");
  } catch (const std::exception& error) {
    end_following(static_cast<int64_t>(ErrorCode::device), error.what());
  }
  return 0;
}

void Ranks::end_leading() {
  for (int rank = 1; rank < size(); ++rank) mailbox_->post(rank, {.kind = stop});
  for (Letter letter; static_cast<int>(ended_.size()) < size() - 1;)
    if (!mailbox_->take(letter))
      pause();
    else if (letter.kind == ended)
      ended_.insert(letter.from);
  for (int rank = 1; rank < size(); ++rank) mailbox_->post(rank, {.kind = farewell});
  mailbox_.reset();
}

void Ranks::end_following(int64_t code, const std::string& sentence) {
  mailbox_->post(0, {.kind = ended, .number = code, .text = sentence});
  for (Letter letter; !mailbox_->take(letter) || letter.kind != farewell;) pause();
  mailbox_.reset();
}

}  // namespace stemma
