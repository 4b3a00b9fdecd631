// The main window: where the panels stand, and the actions that move through them.
#pragma once

#include <QComboBox>
#include <QDockWidget>
#include <QLabel>
#include <QMainWindow>
#include <QStackedWidget>
#include <QToolButton>

#include "app/document.h"
#include "app/jobs.h"
#include "app/shading.h"

namespace stemma {

class CommandPalette;
class DocumentsPanel;
class Drawer;
class FindBar;
class KeysHelp;
class Legend;
class MessageBar;
class RunPanel;
class StartPage;
class TokenAttention;
class TraceView;
class TracesPanel;

class Workbench : public QMainWindow {
  Q_OBJECT

 public:
  // `remembers`: places and sizes are kept from start to start.
  explicit Workbench(bool remembers = true, QWidget* parent = nullptr);
  ~Workbench() override;

  OpenSession& document() { return *document_; }
  Jobs& jobs() { return *jobs_; }
  TraceView* trace_view() const { return trace_; }
  TracesPanel* traces_panel() const { return traces_; }
  DocumentsPanel* documents_panel() const { return documents_; }
  RunPanel* run_panel() const { return run_; }
  MessageBar* message_bar() const { return messages_; }
  Drawer* drawer() const { return drawer_; }
  TokenAttention* token_attention() const { return token_attention_; }

  void set_shade(Shade shade);
  void lay_out(QSize size);  // the window of this size, with panels to match
  void set_drawer_open(bool open);
  void attribute_now();                        // with what was chosen last
  QAction* action(const QString& name) const;  // by its object name, "next_step"

 protected:
  void closeEvent(QCloseEvent* event) override;
  void dragEnterEvent(QDragEnterEvent* event) override;
  void dropEvent(QDropEvent* event) override;
  bool eventFilter(QObject* watched, QEvent* event) override;

 private:
  void build_middle();
  void build_docks();
  void build_actions();
  void build_file_menu();
  void build_move_menu();
  void build_view_menu();
  void build_work_menu();
  QAction* add(QMenu* menu, const char* name, const QString& text, const QList<QKeySequence>& keys, const QString& tip,
               std::function<void()> act);
  QDockWidget* dock(const QString& name, const QString& title, QWidget* content, Qt::DockWidgetArea area);
  void refresh_middle();
  void refresh_reading();
  void refresh_recent();
  void show_shading();
  void open_file();
  void save_file_as();
  void enter();
  void export_figure();
  void choose_attribution();
  void ask_about_tokens();
  void open_attribute_dialog(const AttributeRequest& request, const QString& asked);
  void move_layer(int by);
  void move_head(int by);

  OpenSession* document_;
  Jobs* jobs_;
  TokenAttention* token_attention_;
  bool remembers_;
  TraceView* trace_ = nullptr;
  TracesPanel* traces_ = nullptr;
  DocumentsPanel* documents_ = nullptr;
  RunPanel* run_ = nullptr;
  MessageBar* messages_ = nullptr;
  FindBar* find_ = nullptr;
  StartPage* start_ = nullptr;
  Drawer* drawer_ = nullptr;
  CommandPalette* palette_ = nullptr;
  KeysHelp* keys_ = nullptr;
  Legend* legend_ = nullptr;
  QStackedWidget* middle_ = nullptr;
  QWidget* head_ = nullptr;
  QLabel *title_ = nullptr, *reading_ = nullptr;
  QComboBox* shade_ = nullptr;
  QDockWidget *left_ = nullptr, *right_ = nullptr, *below_ = nullptr;
  QMenu* recent_ = nullptr;
  int unfolded_width_ = 240;  // of the traces, while they are a rail
};

}  // namespace stemma
