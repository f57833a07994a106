"""Print the AWS services with data in the dependency layer: those that functions may call."""

from tools.deployments import ROOT
from tools.local_cloud.project import read_services

if __name__ == "__main__":
    print(*sorted(read_services(ROOT / "template.yaml")), sep="\n")
