#include "runtime/influence/index/build.h"

#include <fmt/format.h>

#include <chrono>
#include <unordered_set>

#include "kernels/half.h"
#include "runtime/program.h"

namespace stemma {
namespace {

std::vector<int32_t> tokens_of(const Model& model, const Document& document) {
  return document_tokens(*model.tokenizer, document.text, model.config.context);
}

IndexHead make_head(const Model& model, const Factors& factors, const Corpus& corpus, const IndexOptions& options,
                    const Control& control) {
  const auto all = static_cast<int64_t>(corpus.documents.size()), count = std::min(options.sample, all);
  std::vector<std::vector<int32_t>> sample;
  for (int64_t i = 0; i < count; ++i) sample.push_back(tokens_of(model, corpus.documents[i * all / count]));
  IndexHead head;
  head.basis =
      fit_basis(model, factors, DocumentBatches(std::move(sample), options.batch_tokens), options.basis, control);
  head.model_hash = model.hash;
  head.factors_hash = factors.hash;
  head.program = program_version();
  head.created = now_utc();
  head.device = model.ops->device();
  return head;
}

IndexPart make_part(Projection& projection, const Model& model, const std::vector<const Document*>& documents,
                    int64_t numbers, int64_t batch_tokens, const Control& control) {
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
  part.numbers.resize(documents.size() * static_cast<size_t>(numbers));
  DocumentBatches(std::move(texts), batch_tokens)
      .each("adding documents to the index", control,
            [&](const LabelledBatch& labelled, const std::vector<int32_t>& members) {
              const std::vector<float> rows = projection.of_documents(labelled);
              for (size_t d = 0; d < members.size(); ++d)
                for (int64_t i = 0; i < numbers; ++i)
                  part.numbers[static_cast<size_t>(members[d] * numbers + i)] = half_of(rows[d * numbers + i]);
            });
  return part;
}

}  // namespace

IndexBuilt build_index(const std::filesystem::path& path, const Model& model, const Factors& factors,
                       const Corpus& corpus, const IndexOptions& options, const Control& control) {
  std::error_code none;
  if (!std::filesystem::exists(path, none)) {
    IndexHead head = make_head(model, factors, corpus, options, control);
    save_index_head(head, path);
  }
  const Index index(path);
  const IndexHead& head = index.head();
  if (head.model_hash != model.hash || head.factors_hash != factors.hash)
    throw Error(ErrorCode::does_not_fit,
                path.string() + ": an index of another model or of other factors; choose another file with --out");
  IndexBuilt built;
  std::vector<const Document*> missing;
  const auto known = index.ids();
  const std::unordered_set<std::string> there(known.begin(), known.end());
  for (const Document& document : corpus.documents)
    if (!there.contains(document.id)) missing.push_back(&document);
  built.there_already = static_cast<int64_t>(corpus.documents.size() - missing.size());

  Projection projection(model, factors, head.basis);
  int number = index.parts();
  const auto start = std::chrono::steady_clock::now();
  for (size_t first = 0; first < missing.size();) {
    const size_t last = std::min(missing.size(), first + static_cast<size_t>(options.part_documents));
    Control part_of_all;  // progress through all parts
    part_of_all.report = [&](const Progress& progress) {
      const double done = static_cast<double>(first) + progress.done, total = static_cast<double>(missing.size());
      const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
      control.say({progress.stage, done, total, done > 0 ? seconds / done * (total - done) : -1});
    };
    IndexPart part = make_part(
        projection, model,
        {missing.begin() + static_cast<std::ptrdiff_t>(first), missing.begin() + static_cast<std::ptrdiff_t>(last)},
        head.basis.numbers, options.batch_tokens, part_of_all);
    part.corpus_hash = corpus.hash;
    part.corpus_documents = corpus.total;
    save_index_part(part, head, index_part_path(path, ++number));
    built.added += static_cast<int64_t>(last - first);
    first = last;
  }
  return built;
}

}  // namespace stemma
