#include "app/commands/bench_index.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>

#include "app/commands/options.h"
#include "app/commands/random_model.h"
#include "app/commands/terminal.h"
#include "kernels/half.h"
#include "runtime/influence/attribute.h"
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

// Random numbers and tokens stand for the documents: the time of an answer depends on neither.
IndexPart random_part(const IndexHead& head, int64_t documents, int vocabulary, Random& random) {
  IndexPart part;
  part.numbers.resize(static_cast<size_t>(documents * head.basis.numbers));
  for (uint16_t& number : part.numbers) number = half_of(static_cast<float>(random.uniform() - 0.5));
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

}  // namespace

int bench_index(const BenchIndex& options) {
  const Folder folder(options.folder);
  Model model = random_model(shape_config("demo"), make_cpu_ops());
  model.tokenizer =
      std::make_shared<const Tokenizer>(made_tokenizer(model.config.vocabulary), "{}", "a benchmark's tokenizer");
  const int vocabulary = model.config.vocabulary;
  ProgressLine line;
  Control control;
  watch(control, line);
  Random random(4);
  std::vector<std::vector<int32_t>> some;
  for (int64_t d = 0; d < real_documents; ++d) some.push_back(random_document(random, vocabulary));
  const DocumentBatches batches(std::move(some), 2048);
  Factors factors = fit_factors(model, batches, {}, control);
  save_factors(factors, folder.path / "F.h5");
  IndexHead head;
  BasisOptions basis;
  basis.numbers = options.numbers;
  Ranks alone;
  head.basis = fit_basis(model, factors, batches, basis, alone, control);
  head.model_hash = model.hash;
  head.factors_hash = factors.hash;
  const auto path = folder.path / "I.h5";
  save_index_head(head, path);
  for (int64_t first = 0, number = 1; first < options.documents; first += part_documents, ++number) {
    control.say({"writing an index", double(first), double(options.documents)});
    const int64_t count = std::min(part_documents, options.documents - first);
    IndexPart part = random_part(head, count, vocabulary, random);
    part.corpus_documents = options.documents;
    for (int64_t d = 0; d < count; ++d) part.ids.push_back(fmt::format("random.jsonl:{}", (first + d) * 200));
    save_index_part(part, head, index_part_path(path, static_cast<int>(number)));
  }

  Trace trace;
  trace.id = "t001";
  trace.model_hash = model.hash;
  trace.tokens = random_document(random, vocabulary);
  trace.steps = {{0, 25, StepKind::prompt, "", ""}, {25, 50, StepKind::thought, "", ""}};
  AttributeOptions asked{.top = 25, .rescore = options.rescored};
  asked.span = AskedSpan{25, 50, ""};
  double opened = 1e9, searched = 1e9, answered = 1e9;
  int64_t bytes = 0;
  for (int i = 0; i < options.repeat; ++i) {
    const double start = now();
    const Index index(path);
    bytes = index.bytes();
    opened = std::min(opened, now() - start);
    const InfluenceTable table = attribute(model, factors, index, {&trace}, asked, control).at(0);
    searched = std::min(searched, table.search_seconds);
    answered = std::min(answered, table.seconds);
  }
  line.clear();
  const double read = bandwidth(*model.ops).read;
  const double numbers_bytes = 2.0 * static_cast<double>(options.documents * head.basis.numbers);
  if (options.json) {
    print_json({{"documents", options.documents},
                {"numbers", head.basis.numbers},
                {"bytes", bytes},
                {"open_seconds", opened},
                {"search_seconds", searched},
                {"answer_seconds", answered},
                {"rescored", options.rescored},
                {"read_bytes_per_second", read},
                {"share_of_bandwidth", numbers_bytes / searched / read}});
    return 0;
  }
  fmt::print("{} documents of {} numbers, {} on disk, {:.0f} bytes a document; opened in {}\n",
             in_thousands(options.documents), head.basis.numbers, in_bytes(static_cast<double>(bytes)),
             static_cast<double>(bytes) / static_cast<double>(options.documents), in_time(opened));
  fmt::print("  searched     {}  {:3.0f} % of the memory's read rate, {:.1f} GB/s\n", in_time(searched),
             100 * numbers_bytes / searched / read, read / 1e9);
  fmt::print("  answered     {}  with {} documents scored exactly, of {} tokens each\n", in_time(answered),
             in_thousands(options.rescored + (options.rescored + 3) / 4), document_length);
  return 0;
}

}  // namespace stemma
