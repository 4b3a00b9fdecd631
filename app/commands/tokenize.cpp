#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>
#include <iterator>
#include <memory>
#include <sstream>

#include "app/commands/command.h"
#include "app/commands/options.h"
#include "runtime/error.h"
#include "runtime/model/files/model_source.h"
#include "runtime/model/tokenizer.h"
#include "runtime/model/utf8.h"

namespace stemma {

namespace {

struct TokenizeArguments {
  std::string model;
  bool decode = false, special = false, json = false;
};

std::vector<int32_t> read_ids(const std::string& input, const Tokenizer& tokenizer) {
  std::vector<int32_t> ids;
  std::istringstream words(input);
  for (std::string word; words >> word;) {
    size_t used = 0;
    long id = -1;
    try {
      id = std::stol(word, &used);
    } catch (const std::exception&) {
    }
    if (used != word.size() || id < 0 || id >= tokenizer.size())
      throw Error(ErrorCode::bad_file, "standard input: '" + word + "' is no token id; ids run from 0 to " +
                                           std::to_string(tokenizer.size() - 1) + ", separated by spaces");
    ids.push_back(static_cast<int32_t>(id));
  }
  return ids;
}

// What the post-processor puts around a text stands for none of its bytes.
void add_special(const Tokenizer& tokenizer, std::vector<int32_t>& ids, std::vector<uint32_t>& offsets) {
  const auto around = tokenizer.with_special({-1});
  const auto front = std::find(around.begin(), around.end(), -1) - around.begin();
  const auto back = static_cast<ptrdiff_t>(around.size()) - 1 - front;
  ids = tokenizer.with_special(std::move(ids));
  const uint32_t end = offsets.back();
  offsets.insert(offsets.begin(), static_cast<size_t>(front), 0);
  offsets.insert(offsets.end(), static_cast<size_t>(back), end);
}

int run(const TokenizeArguments& options) {
  const Tokenizer tokenizer(tokenizer_path(options.model));
  const std::string input{std::istreambuf_iterator<char>(std::cin), {}};
  std::vector<uint32_t> offsets;
  auto ids = options.decode ? read_ids(input, tokenizer) : tokenizer.encode(input, &offsets);
  if (options.special && !options.decode) add_special(tokenizer, ids, offsets);
  if (options.json) {
    nlohmann::ordered_json out{{"ids", ids}, {"pieces", nlohmann::ordered_json::array()}};
    for (const auto id : ids) out["pieces"].push_back(printable(tokenizer.bytes(id)));
    if (options.decode)
      out["text"] = tokenizer.decode(ids);
    else
      out["offsets"] = offsets;
    print_json(out);
  } else if (options.decode) {
    std::cout << tokenizer.decode(ids);
  } else {
    for (size_t i = 0; i < ids.size(); ++i) std::cout << (i ? " " : "") << ids[i];
    std::cout << "\n";
  }
  return 0;
}

}  // namespace

Run setup_tokenize(CLI::App& app) {
  auto options = std::make_shared<TokenizeArguments>();
  app.add_option("--model", options->model,
                 "A model folder, or a file: tokenizer.json, tokenizer.model, *.tiktoken, vocab.json, *.gguf")
      ->required()
      ->type_name("DIR|FILE");
  app.add_flag("--decode", options->decode, "Token ids on standard input to text");
  app.add_flag("--special", options->special, "Add what the tokenizer puts around a text (bos, eos)");
  declare_json(app, options->json);
  return [options] { return run(*options); };
}

}  // namespace stemma
