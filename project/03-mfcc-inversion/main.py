from core_scripts.entry import run_project

if __name__ == "__main__":
    run_project()
