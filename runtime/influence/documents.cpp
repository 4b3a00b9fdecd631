#include "runtime/influence/documents.h"

#include <algorithm>
#include <span>

#include "runtime/clock.h"
#include "runtime/model/files/hash.h"

namespace stemma {

DocumentBatches::DocumentBatches(const Model& model, const Corpus& corpus, int64_t budget, const Control& control) {
  for (size_t i = 0; i < corpus.documents.size(); ++i) {
    documents_.push_back(document_tokens(*model.tokenizer, corpus.documents[i].text, model.config.context));
    if (i % 2048 == 0) control.say({"reading the documents", double(i), double(corpus.documents.size())});
  }
  pack_again(budget);
}

DocumentBatches::DocumentBatches(std::vector<std::vector<int32_t>> documents, int64_t budget)
    : documents_(std::move(documents)) {
  pack_again(budget);
}

void DocumentBatches::pack_again(int64_t budget) {
  order_.clear();
  tokens_before_.clear();
  tokens_ = 0;
  for (size_t i = 0; i < documents_.size(); ++i) {
    if (documents_[i].size() < 2) continue;
    order_.push_back(static_cast<int32_t>(i));
    tokens_ += static_cast<int64_t>(documents_[i].size()) - 1;
  }
  borders_ = pack(documents_, order_, budget);
  int64_t tokens = 0, place = 0;
  for (const int64_t border : borders_) {
    for (; place < border; ++place) tokens += static_cast<int64_t>(documents_[order_[place]].size()) - 1;
    tokens_before_.push_back(tokens);
  }
}

void DocumentBatches::each(Ranks& ranks, const Pass& pass, const Control& control) const {
  const auto start = Clock::now();
  const auto border = [&](int64_t batch) { return static_cast<double>(borders_[std::min(batch, batches())]); };
  const double total = border(batches()), begun = border(pass.first * pass.shard);
  int64_t taken = pass.first, in_hand = 0;  // shards; batches of the one that is worked on here
  const auto say = [&] {
    if (!ranks.leads()) return;
    const double done = border(taken * pass.shard + in_hand);
    const double seconds = seconds_since(start);
    control.say({pass.stage, done, total, done > begun ? seconds / (done - begun) * (total - done) : -1});
  };
  const auto work = [&](int64_t shard, const std::function<void()>& listen) {
    const int64_t last = std::min((shard + 1) * pass.shard, batches());
    in_hand = 0;
    for (int64_t batch = shard * pass.shard; batch < last; ++batch) {
      LabelledBatch labelled;
      const std::vector<int32_t> documents = members(batch);
      for (const int32_t d : documents) labelled.add(documents_[d]);
      pass.visit(batch, labelled, documents, listen);
      if (batch + 1 == last) break;
      ++in_hand;
      say();
      listen();
    }
    in_hand = 0;
    return pass.made();
  };
  const auto take = [&](int64_t shard, std::vector<float>& made) {
    pass.take(shard, made);
    taken = shard + 1;
    if (pass.after) pass.after(taken, false);
    say();
  };
  if (pass.first < shards(pass.shard)) say();  // else it is done already
  try {
    ranks.spread({pass.key, pass.first, shards(pass.shard), pass.ahead, work, take}, control);
  } catch (...) {
    if (ranks.leads() && pass.after) pass.after(taken, true);
    throw;
  }
}

void DocumentBatches::each(const std::string& stage, const Control& control,
                           const std::function<void(const LabelledBatch&, const std::vector<int32_t>&)>& visit) const {
  Ranks alone;
  each(alone,
       {.stage = stage,
        .visit = [&](int64_t, const LabelledBatch& labelled, const auto& documents,
                     const auto&) { visit(labelled, documents); },
        .made = [] { return std::vector<float>(); },
        .take = [](int64_t, const auto&) {}},
       control);
}

std::vector<int32_t> DocumentBatches::members(int64_t batch) const {
  return {order_.begin() + borders_[batch], order_.begin() + borders_[batch + 1]};
}

int64_t DocumentBatches::largest() const {
  int64_t most = 0;
  for (int64_t run = 0; run < batches(); ++run) most = std::max(most, tokens_before_[run + 1] - tokens_before_[run]);
  return most;
}

int64_t DocumentBatches::most_documents() const {
  int64_t most = 0;
  for (int64_t run = 0; run < batches(); ++run) most = std::max(most, borders_[run + 1] - borders_[run]);
  return most;
}

size_t DocumentBatches::bytes() const {
  constexpr size_t header = 16;  // of the allocator
  size_t all = order_.capacity() * sizeof(int32_t) + borders_.capacity() * sizeof(int64_t);
  for (const auto& document : documents_) all += sizeof document + header + document.capacity() * sizeof(int32_t);
  return all;
}

std::string DocumentBatches::hash() const {
  Hasher hasher;
  for (const auto& document : documents_) {
    const uint64_t size = document.size();
    hasher.add(std::as_bytes(std::span(&size, 1)));
    hasher.add(std::as_bytes(std::span(document)));
  }
  hasher.add(std::as_bytes(std::span(borders_)));
  return hasher.hex();
}

}  // namespace stemma
