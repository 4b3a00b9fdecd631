#include "runtime/influence/index/build.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_set>

#include "runtime/clock.h"
#include "runtime/influence/tracked.h"
#include "runtime/program.h"

namespace stemma {
namespace {

std::vector<int32_t> tokens_of(const Model& model, const Document& document) {
  return document_tokens(*model.tokenizer, document.text, model.config.context);
}

IndexHead make_head(const Model& model, const Factors& factors, const Corpus& corpus, const IndexOptions& options,
                    Ranks& ranks, const Control& control) {
  const auto all = static_cast<int64_t>(corpus.documents.size()), count = std::min(options.sample, all);
  std::vector<std::vector<int32_t>> sample;
  for (int64_t i = 0; i < count; ++i) sample.push_back(tokens_of(model, corpus.documents[i * all / count]));
  IndexHead head;
  const DocumentBatches batches(std::move(sample), options.batch_tokens);
  head.basis = fit_basis(model, factors, batches, options.basis, ranks, control);
  head.model_hash = model.hash;
  head.factors_hash = factors.hash;
  head.program = program_version();
  head.created = now_utc();
  head.device = model.ops->device();
  return head;
}

// What the others need of the basis that rank 0 has.
void share(Ranks& ranks, IndexBasis& basis, const Control& control) {
  std::vector<int32_t> sizes = {static_cast<int32_t>(basis.side), static_cast<int32_t>(basis.directions),
                                static_cast<int32_t>(basis.numbers), static_cast<int32_t>(basis.layers.size())};
  ranks.share(sizes, control);
  basis.side = sizes[0], basis.directions = sizes[1], basis.numbers = sizes[2];
  basis.layers.resize(static_cast<size_t>(sizes[3]));
  for (std::vector<float>& layer : basis.layers) ranks.share(layer, control);
  ranks.share(basis.joint, control);
}

// On rank 0, with the numbers that all have made.
IndexPart make_part(Projection& projection, const Model& model, const std::vector<const Document*>& documents,
                    const IndexBasis& basis, int64_t batch_tokens, Ranks& ranks, const Control& control) {
  IndexPart part;
  part.token_begin.push_back(0);
  std::vector<std::vector<int32_t>> texts;
  for (const Document* document : documents) {
    texts.push_back(tokens_of(model, *document));
    part.tokens.insert(part.tokens.end(), texts.back().begin(), texts.back().end());
    part.token_begin.push_back(static_cast<uint32_t>(part.tokens.size()));
    part.ids.push_back(document->id);
    part.names.push_back(document->name);
    part.sources.push_back(document->source);
  }
  const auto numbers = static_cast<size_t>(kept_bytes(basis.numbers));
  part.numbers.resize(documents.size() * numbers);
  part.lengths.resize(documents.size());
  const DocumentBatches batches(std::move(texts), batch_tokens);
  std::vector<float> rows;
  const auto take = [&](int64_t batch, const std::vector<float>& made) {
    const float* row = made.data();
    for (const int32_t member : batches.members(batch)) {
      const auto d = static_cast<size_t>(member);
      keep_row(row, basis.numbers, part.numbers.data() + d * numbers);
      row += basis.numbers;
      part.lengths[d] = *row++;
    }
  };
  batches.each(
      ranks,
      {.stage = "adding documents to the index",
       .key = batches.hash(),
       .visit = [&](int64_t, const LabelledBatch& labelled, const auto&,
                    const auto&) { rows = projection.of_documents(labelled); },
       .made = [&] { return std::move(rows); },
       .take = take},
      control);
  return part;
}

}  // namespace

double index_bytes(const Model& model, const IndexOptions& options, int64_t documents, int64_t tokens) {
  std::vector<int64_t> sizes;
  int64_t all = 0;
  for (size_t i = 0; i < tracked_count(model); ++i) {
    const Tensor weight = tracked_weight(model, i);
    sizes.push_back(std::min(options.basis.side, weight.rows) * std::min(options.basis.side, weight.columns));
    all += sizes.back();
  }
  const IndexBasis basis = basis_lengths(sizes, options.basis, std::min(options.sample, documents));
  const int64_t head = (all + tracked_count(model) * basis.numbers) * basis.directions * 4,
                document = kept_bytes(basis.numbers) + 4;
  return static_cast<double>(head) + static_cast<double>(documents) * document + 4.0 * static_cast<double>(tokens);
}

IndexBuilt build_index(const std::filesystem::path& path, const Model& model, const Factors& factors,
                       const Corpus& corpus, const IndexOptions& options, const Control& control) {
  if (factors.choice.blocks > 1 || factors.layers.size() != tracked_count(model))
    throw Error(ErrorCode::unsupported,
                "an index is made with factors of all layers in one block each; fit them without "
                "--layers and --blocks");
  Ranks alone;
  Ranks& ranks = options.ranks ? *options.ranks : alone;
  std::error_code none;
  std::vector<int32_t> is_there = {std::filesystem::exists(path, none)};
  ranks.share(is_there, control);
  IndexHead head;
  if (!is_there.front()) {
    head = make_head(model, factors, corpus, options, ranks, control);
    if (ranks.leads()) save_index_head(head, path);
  }
  IndexBuilt built;
  std::vector<int32_t> missing;  // in the corpus
  int number = 0;
  int64_t new_here = corpus.total;  // documents that no other corpus of the index has
  if (ranks.leads()) {
    const Index index(path);
    head = index.head();
    if (head.model_hash != model.hash || head.factors_hash != factors.hash)
      throw Error(ErrorCode::does_not_fit,
                  path.string() + ": an index of another model or of other factors; choose another file with --out");
    const auto known = index.ids();
    const std::unordered_set<std::string> there(known.begin(), known.end());
    for (size_t i = 0; i < corpus.documents.size(); ++i)
      if (!there.contains(corpus.documents[i].id)) missing.push_back(static_cast<int32_t>(i));
    built.there_already = static_cast<int64_t>(corpus.documents.size() - missing.size());
    number = index.parts();
    if (!index.holds_some_of(corpus.hash)) new_here -= built.there_already;
  }
  share(ranks, head.basis, control);
  ranks.share(missing, control);

  Projection projection(model, factors, head.basis);
  const auto start = Clock::now();
  for (size_t first = 0; first < missing.size();) {
    const size_t last = std::min(missing.size(), first + static_cast<size_t>(options.part_documents));
    Control part_of_all;  // progress through all parts
    part_of_all.report = [&](const Progress& progress) {
      const double done = static_cast<double>(first) + progress.done, total = static_cast<double>(missing.size());
      const double seconds = seconds_since(start);
      control.say({progress.stage, done, total, done > 0 ? seconds / done * (total - done) : -1});
    };
    std::vector<const Document*> documents;
    for (size_t i = first; i < last; ++i) documents.push_back(&corpus.documents[static_cast<size_t>(missing[i])]);
    IndexPart part =
        make_part(projection, model, documents, head.basis, options.batch_tokens, ranks, part_of_all);
    part.corpus_hash = corpus.hash;
    part.corpus_documents = new_here;
    if (ranks.leads()) save_index_part(part, head, index_part_path(path, ++number));
    built.added += static_cast<int64_t>(last - first);
    first = last;
  }
  return built;
}

}  // namespace stemma
