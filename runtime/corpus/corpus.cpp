#include "runtime/corpus/corpus.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <queue>
#include <span>

#include "runtime/corpus/corpus_files.h"
#include "runtime/corpus/json_line.h"
#include "runtime/corpus/line_reader.h"
#include "runtime/error.h"
#include "runtime/model/files/hash.h"
#include "runtime/model/utf8.h"

namespace stemma {

namespace {

constexpr size_t places_kept = 5;
constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

bool valid_utf8(std::string_view text) {
  for (size_t at = 0; at < text.size();) {
    const size_t length = utf8_length(text, at);
    if (length == 0) return false;
    at += length;
  }
  return true;
}

// Keeps all documents, or the `limit` whose ids have the smallest hashes.
class Chooser {
 public:
  explicit Chooser(size_t limit) : limit_(limit) {}

  void offer(Document&& document) {
    if (limit_ == 0) {
      kept_.push_back(std::move(document));
      return;
    }
    const std::pair<uint64_t, int64_t> key(XXH3_64bits(document.id.data(), document.id.size()), order_++);
    if (ranks_.size() == limit_) {
      if (key > ranks_.top().key) return;
      const size_t slot = ranks_.top().slot;
      ranks_.pop();
      ranks_.push(Rank{key, slot});
      kept_[slot] = std::move(document);
      orders_[slot] = key.second;
    } else {
      ranks_.push(Rank{key, kept_.size()});
      kept_.push_back(std::move(document));
      orders_.push_back(key.second);
    }
  }

  std::vector<Document> take() {
    if (limit_ == 0) return std::move(kept_);
    std::vector<size_t> slots(kept_.size());
    for (size_t i = 0; i < slots.size(); ++i) slots[i] = i;
    std::sort(slots.begin(), slots.end(), [this](size_t a, size_t b) { return orders_[a] < orders_[b]; });
    std::vector<Document> sorted;
    sorted.reserve(slots.size());
    for (const size_t slot : slots) sorted.push_back(std::move(kept_[slot]));
    return sorted;
  }

 private:
  struct Rank {
    std::pair<uint64_t, int64_t> key;  // hash, order in the files
    size_t slot;
    bool operator<(const Rank& other) const { return key < other.key; }
  };
  size_t limit_;
  int64_t order_ = 0;
  std::vector<Document> kept_;
  std::vector<int64_t> orders_;  // of kept_, while sampling
  std::priority_queue<Rank> ranks_;
};

class Loader {
 public:
  Loader(Corpus& corpus, Chooser& chooser) : corpus_(corpus), chooser_(chooser) {}

  void load(const CorpusFile& file) {
    if (file.is_text) {
      load_text(file);
    } else {
      load_lines(file);
    }
  }

 private:
  void load_lines(const CorpusFile& file) {
    LineReader reader(file.path);
    std::string_view line;
    while (reader.next(line)) {
      if (reader.number() == 1 && line.starts_with(byte_order_mark)) line.remove_prefix(byte_order_mark.size());
      if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
      Document document;
      const std::string wrong = read_json_line(line, document);
      if (!wrong.empty()) {
        skip(fmt::format("{}:{}: {}", file.label, reader.number(), wrong));
      } else {
        add(file, reader.offset(), std::move(document));
      }
    }
  }

  void load_text(const CorpusFile& file) {
    Document document;
    const std::unique_ptr<ByteStream> stream = open_stream(file.path);
    for (size_t got = 1; got > 0;) {
      const size_t size = document.text.size();
      if (size > longest_line) {
        throw Error(ErrorCode::does_not_fit,
                    fmt::format("{}: a document longer than {} MiB; split it into several files", file.path.string(),
                                longest_line >> 20));
      }
      document.text.resize(size + (size_t{1} << 18));
      got = stream->read(document.text.data() + size, document.text.size() - size);
      document.text.resize(size + got);
    }
    if (document.text.starts_with(byte_order_mark)) document.text.erase(0, byte_order_mark.size());
    if (document.text.find_first_not_of(" \t\r\n") == std::string::npos) {
      skip(file.label + ": no text");
    } else if (!valid_utf8(document.text)) {
      skip(file.label + ": not UTF-8 text");
    } else {
      add(file, 0, std::move(document));
    }
  }

  void add(const CorpusFile& file, uint64_t offset, Document&& document) {
    document.id = fmt::format("{}:{}", file.label, offset);
    if (document.source.empty()) document.source = file.path.filename().string();
    ++corpus_.total;
    chooser_.offer(std::move(document));
  }

  void skip(std::string place) {
    ++corpus_.broken;
    if (corpus_.broken_places.size() < places_kept) corpus_.broken_places.push_back(std::move(place));
  }

  Corpus& corpus_;
  Chooser& chooser_;
};

}  // namespace

Corpus load_corpus(const std::vector<std::filesystem::path>& paths, int64_t sample) {
  Corpus corpus;
  corpus.paths = paths;
  Chooser chooser(static_cast<size_t>(std::max<int64_t>(sample, 0)));
  Loader loader(corpus, chooser);
  for (const CorpusFile& file : find_corpus_files(paths)) loader.load(file);
  corpus.documents = chooser.take();

  if (corpus.documents.empty()) {
    const std::string first = paths.empty() ? "corpus" : paths.front().string();
    const std::string why = corpus.broken > 0 ? fmt::format(" ({} broken lines, the first at {})", corpus.broken,
                                                            corpus.broken_places.front())
                                              : "";
    throw Error(
        ErrorCode::bad_file,
        fmt::format(
            "{}: no document in it{}; a corpus has one JSON object with a \"text\" on each line, or is .txt files",
            first, why));
  }
  Hasher hasher;
  for (const Document& document : corpus.documents) {
    for (const std::string* part : {&document.id, &document.text}) {
      const uint64_t size = part->size();
      hasher.add(std::as_bytes(std::span(&size, 1)));
      hasher.add(*part);
    }
    corpus.bytes += static_cast<int64_t>(document.text.size());
  }
  corpus.hash = hasher.hex();
  return corpus;
}

}  // namespace stemma
