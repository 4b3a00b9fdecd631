#include <fmt/format.h>

#include <QBuffer>
#include <QFileInfo>
#include <QImage>
#include <QPageLayout>
#include <QPageSize>
#include <QPdfWriter>
#include <QSaveFile>
#include <algorithm>
#include <cmath>

#include "app/figures/figure.h"
#include "app/figures/figure_canvas.h"
#include "app/figures/layout.h"
#include "runtime/error.h"

namespace stemma {
namespace {

constexpr double millimetres_per_point = 25.4 / 72;

double page_height(const Figure& figure) {
  MeasuringCanvas measuring;
  return std::ceil(draw_figure(measuring, figure));
}

// Line ends inside a value would break out of a comment or a key.
std::string without_controls(std::string text) {
  std::replace_if(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; }, ' ');
  return text;
}

std::string provenance_text(const Figure& figure) {
  std::string text;
  for (const auto& [key, value] : figure.provenance) text += fmt::format("{}: {}\n", key, without_controls(value));
  return text;
}

QByteArray svg_bytes(const Figure& figure) {
  const double height = page_height(figure);
  SvgCanvas canvas;
  draw_figure(canvas, figure);
  std::string entries;
  for (const auto& [key, value] : figure.provenance) {
    entries += fmt::format("<stemma:entry name=\"{}\">{}</stemma:entry>\n", xml_escaped(key), xml_escaped(value));
  }
  return QByteArray::fromStdString(fmt::format(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{:.2f}mm\" height=\"{:.2f}mm\" viewBox=\"0 0 {:.2f} {:.2f}\" "
      "font-family=\"'DejaVu Sans', 'Bitstream Vera Sans', Verdana, sans-serif\" "
      "style=\"font-kerning:none;font-variant-ligatures:none\">\n"
      "<title>{}</title>\n<desc>{}\n{}</desc>\n"
      "<metadata>\n<stemma:provenance xmlns:stemma=\"urn:stemma:figure\">\n{}</stemma:provenance>\n</metadata>\n<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n{}</svg>\n",
      figure.width * millimetres_per_point, height * millimetres_per_point, figure.width, height, xml_escaped(figure.title),
      xml_escaped(figure.caption), xml_escaped(provenance_text(figure)), entries, canvas.elements()));
}

// The clock is the only thing in Qt's file that differs between two runs: its entries are blanked, length unchanged.
void remove_dates(QByteArray& pdf) {
  for (const char* key : {"/CreationDate (", "/ModDate ("}) {
    const qsizetype at = pdf.indexOf(key), end = at < 0 ? -1 : pdf.indexOf(')', at);
    if (end > at) std::fill(pdf.begin() + at, pdf.begin() + end + 1, ' ');
  }
}

QByteArray pdf_bytes(const Figure& figure) {
  QByteArray bytes;
  QBuffer buffer(&bytes);
  buffer.open(QIODevice::WriteOnly);
  {
    QPdfWriter writer(&buffer);
    const double height = page_height(figure);
    writer.setPageLayout(QPageLayout(QPageSize(QSizeF(std::ceil(figure.width), height), QPageSize::Point, "figure", QPageSize::ExactMatch),
                                     QPageLayout::Portrait, QMarginsF(0, 0, 0, 0)));
    writer.setResolution(720);
    writer.setTitle(QString::fromStdString(figure.title));
    writer.setCreator("Stemma");
    writer.setDocumentXmpMetadata(QByteArray::fromStdString(fmt::format(
        "<?xpacket begin=\"\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?>\n<x:xmpmeta xmlns:x=\"adobe:ns:meta/\">"
        "<rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\"><rdf:Description rdf:about=\"\" "
        "xmlns:dc=\"http://purl.org/dc/elements/1.1/\"><dc:title><rdf:Alt><rdf:li xml:lang=\"x-default\">{}</rdf:li></rdf:Alt></dc:title>"
        "<dc:description><rdf:Alt><rdf:li xml:lang=\"x-default\">{}</rdf:li></rdf:Alt></dc:description>"
        "</rdf:Description></rdf:RDF></x:xmpmeta>\n<?xpacket end=\"w\"?>\n",
        xml_escaped(figure.title), xml_escaped(figure.caption + "\n" + provenance_text(figure)))));
    QPainter painter(&writer);
    painter.scale(10, 10);
    PainterCanvas canvas(painter);
    draw_figure(canvas, figure);
  }
  remove_dates(bytes);
  return bytes;
}

QByteArray png_bytes(const Figure& figure) {
  const double height = page_height(figure);
  const double scale = std::min(300.0 / 72, 32000 / height);  // a painter ends at 32767 pixels
  QImage image(static_cast<int>(std::ceil(figure.width * scale)), static_cast<int>(std::ceil(height * scale)), QImage::Format_RGB32);
  image.fill(Qt::white);
  image.setDotsPerMeterX(static_cast<int>(std::lround(scale * 72 / 0.0254)));
  image.setDotsPerMeterY(image.dotsPerMeterX());
  {
    QPainter painter(&image);
    painter.setRenderHints(QPainter::Antialiasing | QPainter::TextAntialiasing);
    painter.scale(scale, scale);
    PainterCanvas canvas(painter);
    draw_figure(canvas, figure);
  }
  image.setText("Title", QString::fromStdString(figure.title));
  image.setText("Description", QString::fromStdString(figure.caption));
  image.setText("Software", "Stemma");
  for (const auto& [key, value] : figure.provenance) image.setText(QString::fromStdString(key), QString::fromStdString(value));
  QByteArray bytes;
  QBuffer buffer(&bytes);
  buffer.open(QIODevice::WriteOnly);
  image.save(&buffer, "PNG");
  return bytes;
}

std::string csv_cell(const std::string& cell) {
  if (cell.find_first_of(",\"\r\n") == std::string::npos) return cell;
  std::string text = "\"";
  for (char c : cell) text += c == '"' ? std::string("\"\"") : std::string(1, c);
  return text + "\"";
}

QByteArray csv_bytes(const Figure& figure) {
  std::string text = "# " + without_controls(figure.title) + "\n# " + without_controls(figure.caption) + "\n";
  for (const auto& [key, value] : figure.provenance)
    text += "# " + without_controls(key) + ": " + without_controls(value) + "\n";
  auto add = [&text](const std::vector<std::string>& cells) {
    for (size_t i = 0; i < cells.size(); ++i) text += (i ? "," : "") + csv_cell(cells[i]);
    text += "\n";
  };
  add(figure.table.columns);
  for (const auto& row : figure.table.rows) add(row);
  return QByteArray::fromStdString(text);
}

}  // namespace

void export_figure(const Figure& figure, const std::filesystem::path& path) {
  std::string extension = path.extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(), [](char c) { return static_cast<char>(std::tolower(static_cast<unsigned char>(c))); });
  QByteArray (*write)(const Figure&) = extension == ".svg"   ? svg_bytes
                                       : extension == ".pdf" ? pdf_bytes
                                       : extension == ".png" ? png_bytes
                                       : extension == ".csv" ? csv_bytes
                                                             : nullptr;
  if (!write) {
    throw Error(ErrorCode::usage, path.string() + ": figures are written as .svg, .pdf, .png or .csv; choose one of these endings");
  }
  const QByteArray bytes = write(figure);
  QSaveFile file(QString::fromStdString(path.string()));
  if (!file.open(QIODevice::WriteOnly) || file.write(bytes) != bytes.size() || !file.flush() || !file.commit()) {
    throw Error(ErrorCode::disk, path.string() + ": the figure could not be written (" + file.errorString().toStdString() +
                                     "); choose a folder that exists, may be written to and has room");
  }
}

}  // namespace stemma
