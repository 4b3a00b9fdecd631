#include "app/commands/bench/index.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <nlohmann/json.hpp>

#include "app/commands/options.h"
#include "app/commands/random_model.h"
#include "app/commands/terminal.h"
#include "kernels/half.h"
#include "runtime/influence/index/answer.h"
#include "runtime/influence/index/build.h"
#include "runtime/random.h"
#include "runtime/study/rate.h"

namespace stemma {
namespace {

constexpr int64_t document_length = 50, part_documents = 16384;
constexpr int64_t real_documents = 1024;  // on which factors and directions are found

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

std::vector<int32_t> random_document(Random& random, int vocabulary) {
  std::vector<int32_t> tokens(static_cast<size_t>(document_length));
  for (int32_t& id : tokens) id = static_cast<int32_t>(random.below(static_cast<uint64_t>(vocabulary)));
  return tokens;
}

// Its folder, gone with it.
struct Folder {
  std::filesystem::path path;
  explicit Folder(const std::string& where) {
    const auto root = where.empty() ? std::filesystem::temp_directory_path() : std::filesystem::path(where);
    path = root / fmt::format("stemma-index-{}", ::getpid());
    std::filesystem::create_directories(path);
  }
  ~Folder() {
    std::error_code failed;
    std::filesystem::remove_all(path, failed);
  }
};

// Rows of random numbers as an index keeps them, eight from one random number: as fast as a disk takes them.
std::vector<uint8_t> random_rows(int64_t rows, int64_t numbers, Random& random) {
  std::vector<uint8_t> kept(static_cast<size_t>(rows * kept_bytes(numbers)));
  for (size_t i = 0; i < kept.size(); i += 8) {
    const uint64_t bits = random.bits();
    std::memcpy(kept.data() + i, &bits, std::min<size_t>(8, kept.size() - i));
  }
  const uint16_t scale = half_of(kept_scale / 1024);
  for (size_t i = 0; i < kept.size(); i += static_cast<size_t>(kept_bytes(32)))
    std::memcpy(kept.data() + i, &scale, sizeof scale);
  return kept;
}

// Random numbers and tokens stand for the documents: the time of a search depends on neither.
IndexPart random_part(const IndexHead& head, int64_t documents, int vocabulary, Random& random) {
  IndexPart part;
  part.numbers = random_rows(documents, head.basis.numbers, random);
  part.lengths.assign(static_cast<size_t>(documents), 1);
  part.token_begin.push_back(0);
  for (int64_t d = 0; d < documents; ++d) {
    const auto tokens = random_document(random, vocabulary);
    part.tokens.insert(part.tokens.end(), tokens.begin(), tokens.end());
    part.token_begin.push_back(static_cast<uint32_t>(part.tokens.size()));
  }
  part.names.assign(static_cast<size_t>(documents), "");
  part.sources.assign(static_cast<size_t>(documents), "random");
  part.corpus_hash = "random";
  return part;
}

// The index's files, head first.
std::vector<std::filesystem::path> files_of(const std::filesystem::path& index) {
  std::vector<std::filesystem::path> files = {index};
  for (int part = 1; part <= parts_of_index(index); ++part) files.push_back(index_part_path(index, part));
  return files;
}

// Out of the system's memory, where nothing has them mapped.
void forget(const std::vector<std::filesystem::path>& files) {
  for (const auto& file : files) {
    const int descriptor = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) continue;
    ::fdatasync(descriptor);
    ::posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED);
    ::close(descriptor);
  }
}

// Bytes a second, read from the disk in the files' order.
double disk_rate(const std::vector<std::filesystem::path>& files) {
  forget(files);
  std::vector<char> block(size_t{4} << 20);
  const double start = now();
  double bytes = 0;
  for (const auto& file : files) {
    const int descriptor = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
    for (ssize_t got = 0; (got = ::read(descriptor, block.data(), block.size())) > 0;)
      bytes += static_cast<double>(got);
    ::close(descriptor);
  }
  return bytes / (now() - start);
}

struct Asked {
  int64_t queries = 0;
  bool cold = false;
  double opened = 0, searched = 0, answered = 0, floor = 0;  // seconds; floor: of the search
  int64_t scored = 0;
};

}  // namespace

int bench_index(const BenchIndex& options) {
  const Folder folder(options.folder);
  const auto model = std::make_shared<Model>(random_model(shape_config("demo"), make_cpu_ops()));
  model->tokenizer =
      std::make_shared<const Tokenizer>(made_tokenizer(model->config.vocabulary), "{}", "a benchmark's tokenizer");
  const int vocabulary = model->config.vocabulary;
  ProgressLine line;
  Control control;
  watch(control, line);
  Random random(4);
  std::vector<std::vector<int32_t>> some;
  for (int64_t d = 0; d < real_documents; ++d) some.push_back(random_document(random, vocabulary));
  const DocumentBatches batches(std::move(some), 2048);
  const auto factors = std::make_shared<Factors>(fit_factors(*model, batches, {}, control));
  save_factors(*factors, folder.path / "F.h5");
  IndexHead head;
  BasisOptions basis;
  basis.numbers = options.numbers;
  Ranks alone;
  head.basis = fit_basis(*model, *factors, batches, basis, alone, control);
  // Of few documents fewer directions are found; the rest are empty, for what is measured is their number.
  const auto rows = static_cast<int64_t>(head.basis.joint.size()) / head.basis.numbers;
  head.basis.numbers = options.numbers;
  head.basis.joint.resize(static_cast<size_t>(rows * options.numbers));
  head.model_hash = model->hash;
  head.factors_hash = factors->hash;
  const auto path = folder.path / "I.h5";
  save_index_head(head, path);
  const double begun = now();
  for (int64_t first = 0, number = 1; first < options.documents; first += part_documents, ++number) {
    control.say({"writing an index", double(first), double(options.documents)});
    const int64_t count = std::min(part_documents, options.documents - first);
    IndexPart part = random_part(head, count, vocabulary, random);
    part.corpus_documents = options.documents;
    for (int64_t d = 0; d < count; ++d) part.ids.push_back(fmt::format("random.jsonl:{}", (first + d) * 200));
    save_index_part(part, head, index_part_path(path, static_cast<int>(number)));
  }
  const double written = now() - begun;
  const auto files = files_of(path);
  const double disk = disk_rate(files), memory = bandwidth(model->ops).read, products = matmul_rate(*model->ops);
  const auto columns = static_cast<double>(head.basis.numbers);
  const auto numbers_bytes = static_cast<double>(options.documents * kept_bytes(head.basis.numbers));

  Trace trace;
  trace.id = "t001";
  trace.model_hash = model->hash;
  trace.tokens = random_document(random, vocabulary);
  trace.steps = {{0, 5, StepKind::prompt, "", ""}};
  for (int32_t begin = 5; begin < 50; begin += 5) trace.steps.push_back({begin, begin + 5, StepKind::thought, "", ""});
  std::vector<Asked> all;
  int64_t bytes = 0;
  for (const int64_t queries : {1, 10})
    for (const bool cold : {true, false}) {
      Asked best{queries, cold, 1e9, 1e9, 1e9};
      for (int i = 0; i < (cold ? 1 : options.repeat); ++i) {
        AttributeOptions asked{.top = 25, .rescore = options.rescored};
        if (queries == 1) asked.span = AskedSpan{25, 50, ""};  // else nine steps and the whole
        if (cold) forget(files);
        const double start = now();
        IndexSearch search(model, factors, path);
        const double opened = now() - start;
        bytes = search.index().bytes();
        const InfluenceTable table = answer(search, {&trace}, asked, control).at(0);
        best.opened = std::min(best.opened, opened);
        best.searched = std::min(best.searched, table.search_seconds);
        best.answered = std::min(best.answered, opened + table.seconds);
        best.scored = table.documents;
      }
      best.floor = cold
                       ? numbers_bytes / disk
                       : std::max(numbers_bytes / memory, 2 * columns * double(options.documents * queries) / products);
      all.push_back(best);
    }
  line.clear();
  const double each = static_cast<double>(bytes) / static_cast<double>(options.documents);
  if (options.json) {
    auto list = nlohmann::ordered_json::array();
    for (const Asked& asked : all)
      list.push_back({{"queries", asked.queries},
                      {"cold", asked.cold},
                      {"open_seconds", asked.opened},
                      {"search_seconds", asked.searched},
                      {"search_floor_seconds", asked.floor},
                      {"answer_seconds", asked.answered},
                      {"scored", asked.scored}});
    print_json({{"documents", options.documents},
                {"numbers", head.basis.numbers},
                {"bytes", bytes},
                {"bytes_per_document", each},
                {"write_seconds", written},
                {"disk_read_bytes_per_second", disk},
                {"memory_read_bytes_per_second", memory},
                {"products_per_second", products},
                {"document_tokens", document_length},
                {"asked", list}});
    return 0;
  }
  fmt::print("{} documents of {} numbers, {} on disk, {:.0f} bytes a document; written in {}\n",
             in_thousands(options.documents), head.basis.numbers,
             in_bytes(static_cast<double>(bytes)), each, in_time(written));
  fmt::print("  disk {:.2f} GB/s, memory {:.1f} GB/s, products {:.0f} GFLOP/s\n", disk / 1e9, memory / 1e9,
             products / 1e9);
  for (const Asked& asked : all)
    fmt::print(
        "  {:2} {}, {}: opened in {}, searched in {} (floor {}), answered in {} with {} of them scored exactly\n",
        asked.queries, asked.queries == 1 ? "query  " : "queries", asked.cold ? "cold" : "warm", in_time(asked.opened),
        in_time(asked.searched), in_time(asked.floor), in_time(asked.answered), in_thousands(asked.scored));
  return 0;
}

}  // namespace stemma
