// `stemma index`: what every document's gradient says in few numbers, so that questions need no corpus.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cmath>
#include <memory>
#include <nlohmann/json.hpp>

#include "app/commands/command.h"
#include "app/commands/disk_fits.h"
#include "app/commands/estimate.h"
#include "app/commands/options.h"
#include "app/commands/terminal.h"
#include "runtime/clock.h"
#include "runtime/influence/index/build.h"
#include "runtime/ranks/mpi_plugin.h"

namespace stemma {

namespace {

struct IndexArguments {
  std::string model, factors, out, device = "auto";
  CorpusOptions corpus;
  IndexOptions index;
  bool dry_run = false, json = false;
};

int dry_run(const IndexArguments& options, const Model& model, const Corpus& corpus, const Control& control) {
  // Adding a document is one forward and backward and small products: what a scan without queries costs.
  const auto cost = estimate(model, corpus, control, 1, [&](const Corpus& part, const Control& timed) {
    const DocumentBatches batches(model, part, options.index.batch_tokens, timed);
    DocumentPass pass(model);
    batches.each("measuring", timed, [&](const LabelledBatch& labelled, const std::vector<int32_t>&) {
      pass.run(labelled, [](int, Linear, Tensor, Tensor) {});
    });
    return 1;
  });
  const double bytes = index_bytes(model, options.index, cost.documents, cost.tokens);
  if (options.json) {
    print_json({{"corpus", corpus_facts(corpus)},
                {"tokens", cost.tokens},
                {"seconds", cost.seconds},
                {"disk_bytes", bytes},
                {"device", model.ops->device()}});
  } else {
    fmt::print("{} documents of {}, {} tokens: at least {} on {}, {} on disk; nothing was written\n",
               in_thousands(cost.documents), in_thousands(corpus.total), in_thousands(cost.tokens),
               in_time(cost.seconds), model.ops->device(), in_bytes(bytes));
  }
  return 0;
}

int run_on(Ranks& ranks, const IndexArguments& options) {
  if (!options.dry_run) {
    if (options.out.empty()) throw WrongUsage("--out is required: the index to write, I.h5");
    expect_folder_of(options.out);
  }
  const auto model = load_model(options.model, open_device(options.device));
  const Corpus corpus = options.corpus.load();
  ProgressLine line;
  Control control;
  watch(control, line);
  if (options.dry_run) {
    if (!ranks.leads()) return 0;
    control.report = {};
    return dry_run(options, *model, corpus, control);
  }
  const std::string place = options.factors.empty() ? (model->path / "factors.h5").string() : options.factors;
  const Factors factors = load_factors(place);
  if (factors.model_hash != model->hash)
    throw Error(ErrorCode::does_not_fit,
                place + ": factors of another model than " + options.model + "; stemma fit makes those of this one");
  if (ranks.leads() && !std::filesystem::exists(options.out)) {
    const auto documents = static_cast<int64_t>(corpus.documents.size());
    const int64_t tokens = DocumentBatches(*model, corpus, options.index.batch_tokens, control).tokens();
    expect_disk_to_fit(options.out, index_bytes(*model, options.index, documents, tokens), "the index",
                       "choose fewer --numbers or, with --sample, fewer documents");
  }
  const auto start = Clock::now();
  IndexOptions index_options = options.index;
  index_options.ranks = &ranks;
  const IndexBuilt built = build_index(options.out, *model, factors, corpus, index_options, control);
  const double seconds = seconds_since(start);
  line.clear();
  if (!ranks.leads()) return 0;
  const Index index(options.out);
  const auto documents = static_cast<double>(std::max<int64_t>(1, index.documents()));
  const double each = static_cast<double>(index.bytes()) / documents;
  if (options.json) {
    print_json({{"index", options.out},
                {"hash", index.head().hash},
                {"model", index.head().model_hash},
                {"factors", index.head().factors_hash},
                {"corpus", corpus_facts(corpus)},
                {"documents", index.documents()},
                {"added", built.added},
                {"there_already", built.there_already},
                {"parts", index.parts()},
                {"numbers", index.head().basis.numbers},
                {"bytes", index.bytes()},
                {"bytes_per_document", each},
                {"seconds", seconds},
                {"device", model->ops->device()}});
  } else {
    fmt::print(
        "{}: {} documents, {} of them new, in {} on {}; {} numbers a document, {} bytes with its "
        "share of what all use, {} in all\n",
        options.out, in_thousands(index.documents()), in_thousands(built.added), in_time(seconds), model->ops->device(),
        index.head().basis.numbers, in_thousands(std::llround(each)), in_bytes(static_cast<double>(index.bytes())));
  }
  return 0;
}

int run(const IndexArguments& options) {
  Ranks ranks = launched_ranks();
  return ranks.together([&] { return run_on(ranks, options); });
}

}  // namespace

Run setup_index(CLI::App& app) {
  auto options = std::make_shared<IndexArguments>();
  app.add_option("--model", options->model, "Hugging Face folder")->required()->type_name("DIR");
  options->corpus.declare(app, 0);
  app.add_option("--factors", options->factors, "Curvature factors; else the model's own factors.h5")
      ->type_name("F.h5");
  app.add_option("--out", options->out, "Index to write, or to add the documents to that it lacks")->type_name("I.h5");
  app.add_option("--numbers", options->index.basis.numbers, "Numbers kept of a document in a new index")
      ->check(CLI::Range(int64_t{16}, int64_t{4096}));
  app.add_option("--directions-from", options->index.sample, "Documents on which a new index's directions are found")
      ->check(CLI::Range(int64_t{16}, int64_t{1} << 20));
  declare_device(app, options->device);
  app.add_flag("--dry-run", options->dry_run,
               "Print documents, tokens, the least time and the disk needed; write nothing");
  declare_json(app, options->json);
  return [options] { return run(*options); };
}

}  // namespace stemma
