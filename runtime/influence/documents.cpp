#include "runtime/influence/documents.h"

#include <algorithm>
#include <chrono>
#include <span>

#include "runtime/model/hash.h"

namespace stemma {

DocumentBatches::DocumentBatches(const Model& model, const Corpus& corpus, int64_t budget, const Control& control) {
  for (size_t i = 0; i < corpus.documents.size(); ++i) {
    documents_.push_back(document_tokens(*model.tokenizer, corpus.documents[i].text, model.config.context));
    if (i % 2048 == 0) control.say({"reading the documents", double(i), double(corpus.documents.size())});
  }
  arrange(budget);
}

DocumentBatches::DocumentBatches(std::vector<std::vector<int32_t>> documents, int64_t budget)
    : documents_(std::move(documents)) {
  arrange(budget);
}

void DocumentBatches::arrange(int64_t budget) {
  for (size_t i = 0; i < documents_.size(); ++i) {
    if (documents_[i].size() < 2) continue;
    order_.push_back(static_cast<int32_t>(i));
    tokens_ += static_cast<int64_t>(documents_[i].size()) - 1;
  }
  borders_ = pack(documents_, order_, budget);
}

void DocumentBatches::each(const std::string& stage, const Control& control, const Visit& visit, int64_t first,
                           const After& after) const {
  using Clock = std::chrono::steady_clock;
  const auto start = Clock::now();
  for (int64_t run = first; run < batches(); ++run) {
    LabelledBatch labelled;
    const std::vector<int32_t> members(order_.begin() + borders_[run], order_.begin() + borders_[run + 1]);
    for (const int32_t d : members) labelled.add(documents_[d]);
    visit(labelled, members);
    const double done = static_cast<double>(borders_[run + 1]), total = static_cast<double>(order_.size());
    const double now_done = done - static_cast<double>(borders_[first]);
    const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
    try {
      control.say({stage, done, total, seconds / now_done * (total - done)});
    } catch (...) {
      if (after) after(run + 1, true);
      throw;
    }
    if (after) after(run + 1, false);
  }
}

int64_t DocumentBatches::tokens_before(int64_t batch) const {
  int64_t tokens = 0;
  for (int64_t i = 0; i < borders_[batch]; ++i) tokens += static_cast<int64_t>(documents_[order_[i]].size()) - 1;
  return tokens;
}

int64_t DocumentBatches::largest() const {
  int64_t most = 0;
  for (int64_t run = 0; run < batches(); ++run) {
    int64_t rows = 0;
    for (int64_t i = borders_[run]; i < borders_[run + 1]; ++i)
      rows += static_cast<int64_t>(documents_[order_[i]].size()) - 1;
    most = std::max(most, rows);
  }
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
