#include "runtime/influence/index/answer.h"

#include <algorithm>

#include "runtime/clock.h"
#include "runtime/influence/scan/exact_scores.h"
#include "runtime/influence/tables/make_tables.h"
#include "runtime/influence/tables/show_documents.h"

namespace stemma {
namespace {

class Answer {
 public:
  Answer(const IndexSearch& search, const Questions& questions, const AttributeOptions& options)
      : search_(search), questions_(questions), options_(options) {}

  std::vector<int32_t> tokens(int64_t document) const {
    std::vector<int32_t> tokens = search_.index().tokens(document);
    for (const int32_t id : tokens)
      if (id < 0 || id >= search_.model().config.vocabulary)
        throw Error(ErrorCode::bad_file,
                    search_.index().path().string() + ": holds a token that the model has not; make it again");
    return tokens;
  }

  // Of those documents alone; with tokens and layers where `exact` is given, which has scored them.
  std::vector<InfluenceTable> tables(const std::vector<int64_t>& documents, const Candidates& candidates,
                                     const std::vector<float>& nats, const ExactScores* exact,
                                     const Control& control) const {
    const Index& index = search_.index();
    Corpus found;
    found.hash = index.corpus_hash();
    found.total = index.corpus_documents();
    found.documents = index.documents(documents, *search_.model().tokenizer);
    // Nats per added copy: the Hessian of the training loss is that of a mean document times their number.
    const double scale = 1.0 / static_cast<double>(std::max<int64_t>(1, found.total));
    std::vector<float> rows;
    for (size_t q = 0; q < nats.size(); ++q)
      for (const int64_t document : documents)
        rows.push_back(static_cast<float>(candidates.score(static_cast<int64_t>(q), document) * scale));
    std::vector<std::vector<int32_t>> texts;
    for (const int64_t document : documents) texts.push_back(tokens(document));
    const DocumentBatches batches(std::move(texts), options_.tokens_of_few());
    const auto estimated =
        std::ranges::count_if(documents, [&](int64_t document) { return !candidates.is_exact(document); });

    const DocumentNames names(found);
    std::vector<InfluenceTable> tables;
    for (const TraceQueries& part : questions_.parts) {
      InfluenceTable table =
          table_of(part, rows.data() + part.first * documents.size(), nats, found, names, options_.top);
      describe(table, search_.model(), &search_.factors(), options_.method, options_.span);
      table.index_hash = index.head().hash;
      table.searched = index.documents();
      table.estimated = static_cast<int32_t>(estimated);
      table.late = candidates.late();
      if (!exact) show_texts(*search_.model().tokenizer, found, batches, table);
      tables.push_back(std::move(table));
    }
    if (!exact) return tables;
    Ranks alone;
    Showing showing{search_.model(), &search_.factors(), found, batches, options_.tokens_of_few(), scale, "", {}};
    if (exact->gradients().nats.size() == 1)
      showing.known = [&](int32_t document) -> const Decomposition& {
        return exact->parts(documents[static_cast<size_t>(document)]);
      };
    show_documents(showing, exact->gradients(), questions_.parts, tables, alone, control);
    return tables;
  }

 private:
  const IndexSearch& search_;
  const Questions& questions_;
  const AttributeOptions& options_;
};

}  // namespace

CandidateOptions candidate_options(int64_t rescore, int64_t top) {
  CandidateOptions options;
  options.first = std::max(options.first, top);
  options.most = std::max(options.most, options.first);
  if (rescore > 0) options.most = rescore, options.late = 0;
  return options;
}

std::vector<InfluenceTable> answer(IndexSearch& search, const std::vector<const Trace*>& traces,
                                   const AttributeOptions& options, const Control& control,
                                   const std::function<void(std::vector<InfluenceTable>)>& so_far) {
  const auto start = Clock::now();
  const auto seconds = [&] { return seconds_since(start); };
  const Model& model = search.model();
  const Questions questions = questions_of(model, traces, options.span);
  const auto queries = static_cast<int64_t>(questions.queries.size());
  control.say({"query gradients", 0, double(queries)});
  QueryGradients gradients = gradients_of(model, questions);
  Candidates candidates(search.estimates(gradients, control), queries, candidate_options(options.rescore, options.top));
  const double searched = seconds();

  const Answer answer(search, questions, options);
  const auto show = [&] {
    if (!so_far) return;
    std::vector<int64_t> documents = candidates.scored();
    const std::vector<int64_t> leading = candidates.leading(options.top);
    documents.insert(documents.end(), leading.begin(), leading.end());
    std::ranges::sort(documents);
    documents.erase(std::unique(documents.begin(), documents.end()), documents.end());
    so_far(answer.tables(documents, candidates, gradients.nats, nullptr, control));
  };
  show();
  precondition(model, search.factors(), gradients);
  ExactScores exact(model, gradients, options.batch_tokens);
  Corrections corrections = search.corrections();
  for (std::vector<int64_t> chunk = candidates.next(); !chunk.empty(); chunk = candidates.next()) {
    std::vector<std::vector<int32_t>> texts;
    for (const int64_t document : chunk) texts.push_back(answer.tokens(document));
    candidates.take(chunk, exact.of(chunk, texts, control));
    corrections.apply(candidates);
    show();
  }
  std::vector<InfluenceTable> tables = answer.tables(candidates.scored(), candidates, gradients.nats, &exact, control);
  for (InfluenceTable& table : tables) {
    table.search_seconds = searched;
    table.seconds = seconds();
  }
  return tables;
}

}  // namespace stemma
