#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <map>
#include <span>

#include "kernels/quants.h"
#include "kernels/side_by_side.h"
#include "runtime/error.h"
#include "runtime/influence/index/index.h"
#include "runtime/model/files/hash.h"
#include "runtime/session/write_whole.h"

namespace stemma {
namespace {

constexpr int64_t version = 5;
constexpr const char *head_format = "stemma-index", *part_format = "stemma-index-part";
constexpr int64_t most = 1 << 20;  // of any length in a head

std::string hash_of(const IndexHead& head) {
  Hasher hasher;
  hasher.add(head.model_hash + head.factors_hash + std::to_string(head.basis.side));
  for (const auto& layer : head.basis.layers) hasher.add(std::as_bytes(std::span(layer)));
  hasher.add(std::as_bytes(std::span(head.basis.joint)));
  return hasher.hex();
}

[[noreturn]] void fail(const std::filesystem::path& path, const std::string& what) {
  throw Error(ErrorCode::bad_file, fmt::format("{}: {}", path.string(), what));
}

Hdf5Node checked_root(const Hdf5File& file, const std::filesystem::path& path, const std::string& format) {
  const Hdf5Node root = file.root();
  if (!root.has_attribute("format") || root.text("format") != format)
    fail(path, "an HDF5 file but no index of documents; make one with `stemma index`");
  if (const int64_t found = root.integer("version"); found != version)
    throw Error(ErrorCode::unsupported,
                fmt::format("{}: an index of version {}, and this program reads version {}; use a newer Stemma or make "
                            "the index again",
                            path.string(), found, version));
  return root;
}

std::string name_of_layer(size_t layer) { return fmt::format("{:04}", layer); }

}  // namespace

std::filesystem::path index_part_path(const std::filesystem::path& index, int number) {
  auto path = index;
  return path.replace_extension(fmt::format(".{:04}.h5", number));
}

int parts_of_index(const std::filesystem::path& index) {
  std::error_code none;
  int parts = 0;
  while (std::filesystem::exists(index_part_path(index, parts + 1), none)) ++parts;
  return parts;
}

void save_index_head(IndexHead& head, const std::filesystem::path& path) {
  head.hash = hash_of(head);
  const IndexBasis& basis = head.basis;
  write_whole(path, "the index", [&](const Hdf5Node& root) {
    root.set("format", head_format);
    root.set("version", version);
    root.set("hash", head.hash);
    root.set("model", head.model_hash);
    root.set("factors", head.factors_hash);
    root.set("program", head.program);
    root.set("created", head.created);
    root.set("device", head.device);
    root.set("side", basis.side);
    root.set("directions", basis.directions);
    root.set("numbers", basis.numbers);
    root.set("sampled", basis.documents);
    const Hdf5Node layers = root.make_group("layers");
    for (size_t i = 0; i < basis.layers.size(); ++i)
      layers.write(name_of_layer(i), basis.layers[i],
                   {static_cast<int64_t>(basis.layers[i].size()) / basis.directions, basis.directions}, Packing::none);
    root.write("joint", basis.joint, {static_cast<int64_t>(basis.layers.size()) * basis.directions, basis.numbers},
               Packing::none);
  });
}

IndexHead load_index_head(const std::filesystem::path& path) {
  const Hdf5File file = Hdf5File::open(path);
  const Hdf5Node root = checked_root(file, path, head_format);
  IndexHead head;
  head.hash = root.text("hash");
  head.model_hash = root.text("model");
  head.factors_hash = root.text("factors");
  head.program = root.text("program");
  head.created = root.text("created");
  head.device = root.text("device");
  IndexBasis& basis = head.basis;
  basis.side = root.integer("side");
  basis.directions = root.integer("directions");
  basis.numbers = root.integer("numbers");
  basis.documents = root.integer("sampled");
  const Hdf5Node layers = root.group("layers");
  for (const int64_t length : {basis.side, basis.directions, basis.numbers})
    if (length < 1 || length > most) fail(path, "claims a size that no index has; make it again");
  for (const std::string& name : layers.names())
    basis.layers.push_back(layers.read<float>(name, {-1, basis.directions}));
  basis.joint =
      root.read<float>("joint", {static_cast<int64_t>(basis.layers.size()) * basis.directions, basis.numbers});
  if (hash_of(head) != head.hash) fail(path, "its numbers are not those that were written; make the index again");
  return head;
}

void keep_row(const float* numbers, int64_t count, uint8_t* row) {
  std::array<float, 32> block;
  for (int64_t first = 0; first < count; first += 32, row += kept_bytes(32)) {
    for (int64_t i = 0; i < 32; ++i) block[i] = first + i < count ? numbers[first + i] * kept_scale : 0;
    encode_q8_0(block.data(), reinterpret_cast<std::byte*>(row));
  }
}

void save_index_part(const IndexPart& part, const IndexHead& head, const std::filesystem::path& path) {
  const auto documents = static_cast<int64_t>(part.ids.size());
  write_whole(
      path, "the index",
      [&](const Hdf5Node& root) {
        root.set("format", part_format);
        root.set("version", version);
        root.set("index", head.hash);
        root.set("corpus", part.corpus_hash);
        root.set("corpus_documents", part.corpus_documents);
        root.write("numbers", part.numbers, {documents, kept_bytes(head.basis.numbers)}, Packing::none);
        root.write("lengths", part.lengths, {documents}, Packing::none);
        root.write("tokens", part.tokens, {static_cast<int64_t>(part.tokens.size())}, Packing::none);
        root.write("token_begin", part.token_begin, {documents + 1});
        root.write_texts("ids", part.ids, {documents});
        root.write_texts("names", part.names, {documents});
        root.write_texts("sources", part.sources, {documents});
      },
      Existing::keep);
}

struct Index::Part {
  Part(const std::filesystem::path& path, const IndexHead& head) : path(path) {
    const Hdf5File file = Hdf5File::open(path);
    const Hdf5Node root = checked_root(file, path, part_format);
    if (root.text("index") != head.hash)
      fail(path, "a part of another index; move it elsewhere, or make the index again");
    corpus_hash = root.text("corpus");
    corpus_documents = root.integer("corpus_documents");
    const auto length_of = [&](const char* name) {
      const Shape shape = root.shape(name);
      if (shape.size() != 1) fail(path, fmt::format("holds '{}' of another shape; make the index again", name));
      return shape.front();
    };
    documents = length_of("lengths");
    token_begin = root.read<uint32_t>("token_begin", {documents + 1});
    const int64_t tokens = length_of("tokens");
    for (int64_t d = 0; d <= documents; ++d)
      if (token_begin[d] > tokens || (d > 0 && token_begin[d] < token_begin[d - 1]))
        fail(path, "its documents' tokens lie outside their list; make the index again");
    const auto stored = [&](const char* name, int64_t bytes) -> const std::byte* {
      const int64_t offset = root.offset(name);
      if (offset < 0) return nullptr;
      if (!mapped) mapped = std::make_unique<MappedFile>(path);
      const auto all = static_cast<int64_t>(mapped->bytes().size());
      if (bytes > all || offset > all - bytes) fail(path, fmt::format("ends within its '{}'; use a sound copy", name));
      return mapped->bytes().data() + offset;
    };
    const auto rows = [&](const char* name, int64_t bytes, std::vector<uint8_t>& own) {
      if (root.shape(name) != Shape{documents, bytes})
        fail(path, fmt::format("holds '{}' of another shape; make the index again", name));
      if (const std::byte* found = stored(name, documents * bytes)) return found;
      own = root.read<uint8_t>(name, {documents, bytes});
      return reinterpret_cast<const std::byte*>(own.data());
    };
    numbers = rows("numbers", kept_bytes(head.basis.numbers), own_numbers);
    lengths = root.read<float>("lengths", {documents});
    if (!std::ranges::all_of(lengths, [](float length) { return length >= 0 && std::isfinite(length); }))
      fail(path, "holds lengths that are no numbers; make the index again");
    tokens_at = stored("tokens", tokens * 4);
    if (!tokens_at) {
      own_tokens = root.read<int32_t>("tokens", {tokens});
      tokens_at = reinterpret_cast<const std::byte*>(own_tokens.data());
    }
  }

  std::filesystem::path path;
  std::string corpus_hash;
  int64_t documents = 0, corpus_documents = 0;
  std::unique_ptr<MappedFile> mapped;
  const std::byte *numbers, *tokens_at;  // of the mapped file, or of these where they are few:
  std::vector<uint8_t> own_numbers;
  std::vector<int32_t> own_tokens;
  std::vector<uint32_t> token_begin;
  std::vector<float> lengths;
};

Index::Index(const std::filesystem::path& path) : path_(path), head_(load_index_head(path)) {
  for (int number = 1, parts = parts_of_index(path); number <= parts; ++number) {
    parts_.push_back(std::make_unique<Part>(index_part_path(path, number), head_));
    documents_ += parts_.back()->documents;
  }
}
Index::Index(Index&&) noexcept = default;
Index::~Index() = default;

int64_t Index::bytes() const {
  auto all = static_cast<int64_t>(std::filesystem::file_size(path_));
  for (const auto& part : parts_) all += static_cast<int64_t>(std::filesystem::file_size(part->path));
  return all;
}

std::string Index::corpus_hash() const {
  const bool one = !parts_.empty() && std::ranges::all_of(parts_, [&](const auto& part) {
    return part->corpus_hash == parts_.front()->corpus_hash;
  });
  return one ? parts_.front()->corpus_hash : head_.hash;
}

int64_t Index::corpus_documents() const {
  std::map<std::string, int64_t> corpora;
  for (const auto& part : parts_) {
    const auto [place, first] = corpora.try_emplace(part->corpus_hash, part->corpus_documents);
    if (!first) place->second = std::min(place->second, part->corpus_documents);
  }
  int64_t all = 0;
  for (const auto& [hash, documents] : corpora) all += documents;
  return all;
}

bool Index::holds_some_of(const std::string& corpus_hash) const {
  return std::ranges::any_of(parts_, [&](const auto& part) { return part->corpus_hash == corpus_hash; });
}

const Index::Part& Index::part_of(int64_t& document) const {
  for (const auto& part : parts_) {
    if (document < part->documents) return *part;
    document -= part->documents;
  }
  throw Error(ErrorCode::not_found, fmt::format("{}: has {} documents only", path_.string(), documents_));
}

std::vector<std::string> Index::ids() const {
  std::vector<std::string> all;
  for (const auto& part : parts_) {
    const auto ids = Hdf5File::open(part->path).root().read_texts("ids", {part->documents});
    all.insert(all.end(), ids.begin(), ids.end());
  }
  return all;
}

std::vector<int32_t> Index::tokens(int64_t document) const {
  const Part& part = part_of(document);
  const auto* first = reinterpret_cast<const int32_t*>(part.tokens_at);
  return {first + part.token_begin[document], first + part.token_begin[document + 1]};
}

std::vector<Document> Index::documents(const std::vector<int64_t>& rising, const Tokenizer& tokenizer) const {
  std::vector<Document> all;
  int64_t before = 0;
  for (const auto& part : parts_) {
    std::vector<int64_t> places;  // in this part
    for (size_t i = all.size(); i < rising.size() && rising[i] < before + part->documents; ++i)
      places.push_back(rising[i] - before);
    before += part->documents;
    if (places.empty()) continue;
    const Hdf5File file = Hdf5File::open(part->path);
    const auto texts = [&](const char* name) { return file.root().read_texts(name, {part->documents}, places); };
    const auto ids = texts("ids"), names = texts("names"), sources = texts("sources");
    for (size_t i = 0; i < places.size(); ++i) {
      std::vector<int32_t> tokens = this->tokens(rising[all.size()]);
      if (!tokens.empty() && tokens.front() == tokenizer.bos()) tokens.erase(tokens.begin());
      if (!tokens.empty() && tokens.back() == tokenizer.eos()) tokens.pop_back();
      all.push_back({.id = ids[i], .name = names[i], .source = sources[i], .text = tokenizer.decode(tokens)});
    }
  }
  return all;
}

std::vector<float> Index::scores(Ops& ops, const std::vector<float>& queries, const Control& control) const {
  const IndexBasis& basis = head_.basis;
  const int64_t count = static_cast<int64_t>(queries.size()) / basis.row(), columns = kept_columns(basis.numbers);
  std::vector<float> asked, all(static_cast<size_t>(count * documents_)), products;
  for (auto row = queries.begin(); row != queries.end(); row += basis.row()) {
    const float length = row[basis.numbers] / kept_scale;
    for (int64_t i = 0; i < basis.numbers; ++i) asked.push_back(row[i] * length);
    asked.resize(asked.size() + static_cast<size_t>(columns - basis.numbers));
  }
  int64_t first = 0;
  for (const auto& part : parts_) {
    control.say({"searching the index", double(first), double(documents_)});
    const int64_t documents = part->documents;
    products.resize(static_cast<size_t>(count * documents));
    const WeightMatrix rows{WeightType::q8_0, const_cast<std::byte*>(part->numbers), documents, columns};
    ops.linear({asked.data(), count, columns}, rows, {products.data(), count, documents});
    for (int64_t q = 0; q < count; ++q)
      for (int64_t d = 0; d < documents; ++d)
        all[static_cast<size_t>(q * documents_ + first + d)] =
            products[static_cast<size_t>(q * documents + d)] * part->lengths[static_cast<size_t>(d)];
    first += documents;
  }
  return all;
}

std::vector<float> Index::rows(const std::vector<int64_t>& documents) const {
  const int64_t numbers = head_.basis.numbers, bytes = kept_bytes(numbers);
  const BlockFormat& format = *find_block_format("Q8_0");
  std::vector<float> all(documents.size() * static_cast<size_t>(numbers));
  std::vector<float> row(static_cast<size_t>(kept_columns(numbers)));
  for (size_t i = 0; i < documents.size(); ++i) {
    int64_t d = documents[i];
    const Part& part = part_of(d);
    const std::byte* block = part.numbers + d * bytes;
    for (size_t at = 0; at < row.size(); at += 32, block += format.bytes) format.decode(block, row.data() + at);
    for (int64_t n = 0; n < numbers; ++n)
      all[i * static_cast<size_t>(numbers) + static_cast<size_t>(n)] =
          row[static_cast<size_t>(n)] * part.lengths[static_cast<size_t>(d)] / kept_scale;
  }
  return all;
}

std::vector<float> Index::along(Ops& ops, const std::vector<int64_t>& documents,
                                const std::vector<float>& direction) const {
  constexpr int64_t together = 256;  // rows that are gathered at once: they stay in the caches
  const int64_t columns = kept_columns(head_.basis.numbers), bytes = kept_bytes(head_.basis.numbers);
  std::vector<float> asked = direction, products(documents.size());
  for (float& value : asked) value /= kept_scale;
  asked.resize(static_cast<size_t>(columns));
  const auto all = static_cast<int64_t>(documents.size());
  side_by_side(threads_of(ops), (all + together - 1) / together, [&](int, int64_t block) {
    const int64_t first = block * together, count = std::min(together, all - first);
    std::vector<std::byte> gathered(static_cast<size_t>(count * bytes));
    std::vector<float> lengths;
    for (int64_t i = 0; i < count; ++i) {
      int64_t d = documents[static_cast<size_t>(first + i)];
      const Part& part = part_of(d);
      std::memcpy(gathered.data() + i * bytes, part.numbers + d * bytes, static_cast<size_t>(bytes));
      lengths.push_back(part.lengths[static_cast<size_t>(d)]);
    }
    const Tensor found{products.data() + first, 1, count};
    ops.linear({asked.data(), 1, columns}, WeightMatrix{WeightType::q8_0, gathered.data(), count, columns}, found);
    for (int64_t i = 0; i < count; ++i) found.data[i] *= lengths[static_cast<size_t>(i)];
  });
  return products;
}

}  // namespace stemma
